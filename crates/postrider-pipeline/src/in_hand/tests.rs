//! What is noted is found, and what is not whole is not believed.

use std::path::PathBuf;

use postrider_types::{CampaignId, RecipientId};
use tempfile::TempDir;

use super::*;

const WORKER: WorkerId = WorkerId(u64::MAX - 7);

const EMAIL: EmailId = EmailId::from_bytes([9; 32]);

fn delivery(recipient: u32) -> DeliveryId {
    DeliveryId {
        tenant: TenantId(2),
        campaign: CampaignId(3),
        recipient: RecipientId(recipient),
    }
}

fn rendering(recipient: u32) -> Note {
    Note::Rendering {
        delivery: delivery(recipient),
        chunk: ChunkId(u64::MAX - 4),
        email: EMAIL,
    }
}

/// The file of a process with four connections.
fn file() -> (TempDir, PathBuf, Arc<InHand>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("in-hand-1");
    let in_hand = InHand::create(&path, WORKER, 4).unwrap();
    (folder, path, in_hand)
}

fn render(in_hand: &Arc<InHand>, connection: usize, recipient: u32) -> Noted {
    let (delivery, chunk) = (delivery(recipient), ChunkId(u64::MAX - 4));
    in_hand.rendering(ConnectionId(connection), delivery, chunk, EMAIL)
}

/// Changes one byte of the file.
fn damage(path: &Path, place: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[place] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_in_hand_is_found_until_it_is_out_of_it() {
    let (_folder, path, in_hand) = file();
    assert_eq!(worker_of(&path), Some(WORKER));
    assert_eq!(read(&path), Found::Notes(Vec::new()));
    let (first, last) = (render(&in_hand, 0, 7), render(&in_hand, 3, 8));
    let loading = in_hand.loading(TenantId(2), EMAIL);
    let load = Note::Loading {
        tenant: TenantId(2),
        email: EMAIL,
    };
    let all = vec![rendering(7), rendering(8), load];
    assert_eq!(read(&path), Found::Notes(all));
    drop((first, loading));
    assert_eq!(read(&path), Found::Notes(vec![rendering(8)]));
    drop(last);
    assert_eq!(read(&path), Found::Notes(Vec::new()));
}

#[test]
fn a_slot_for_loads_is_used_again() {
    let (_folder, path, in_hand) = file();
    for _ in 0..3 {
        let loads: Vec<_> = (0..LOADS_MAX)
            .map(|_| in_hand.loading(TenantId(2), EMAIL))
            .collect();
        let Found::Notes(notes) = read(&path) else {
            panic!("the file is whole")
        };
        assert_eq!(notes.len(), loads.len());
    }
}

#[test]
fn a_new_life_begins_with_nothing_in_hand() {
    let (_folder, path, in_hand) = file();
    std::mem::forget(render(&in_hand, 1, 7));
    let next = InHand::create(&path, WORKER, 2).unwrap();
    assert_eq!(read(&path), Found::Notes(Vec::new()));
    std::mem::forget(render(&next, 1, 8));
    assert_eq!(read(&path), Found::Notes(vec![rendering(8)]));
}

#[test]
fn without_a_file_nobody_is_suspected() {
    let folder = TempDir::new().unwrap();
    assert_eq!(read(&folder.path().join("in-hand-1")), Found::Nobody);
}

#[test]
fn after_another_boot_nobody_is_suspected() {
    let (_folder, path, in_hand) = file();
    let _noted = render(&in_hand, 0, 7);
    let mut bytes = std::fs::read(&path).unwrap();
    let mut header = Header::decode(&bytes[..record::BYTES]).unwrap();
    header.boot = *b"00000000-0000-0000-0000-000000000000\0\0\0\0";
    bytes[..record::BYTES].copy_from_slice(&header.encode());
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(read(&path), Found::Nobody);
}

#[test]
fn what_is_not_whole_says_that_anything_may_have_been_in_hand() {
    let check = |spoil: &dyn Fn(&Path)| {
        let (_folder, path, in_hand) = file();
        let _noted = render(&in_hand, 0, 7);
        spoil(&path);
        assert_eq!(read(&path), Found::Unknown);
    };
    let length = |bytes: usize| {
        move |path: &Path| {
            let content = std::fs::read(path).unwrap();
            std::fs::write(path, &content[..bytes]).unwrap();
        }
    };
    check(&length(0));
    check(&length(record::BYTES));
    check(&length(record::BYTES * 2 + 1));
    // The header, the recipient of the first slot, its check, and a slot that is free.
    for place in [8, 128 + 16, 128 + 127, 256] {
        check(&|path| damage(path, place));
    }
    check(&|path| {
        std::fs::remove_file(path).unwrap();
        std::fs::create_dir(path).unwrap();
    });
    check(&|path| std::fs::write(path, vec![0; IN_HAND_BYTES_MAX + 1]).unwrap());
}

#[test]
fn a_record_of_another_slot_is_not_believed() {
    let (_folder, path, in_hand) = file();
    let _noted = render(&in_hand, 0, 7);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.copy_within(128..256, 256);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(read(&path), Found::Unknown);
}
