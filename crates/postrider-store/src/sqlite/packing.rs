//! The packed form of a chunk's recipients: a version byte and postcard of [`Packed`], which borrows
//! on both ways. It does not parse addresses again: what a store wrote was parsed before it came in.

use postrider_types::{Address, ChunkRecipient, RecipientId, Timestamp, Variables};
use serde::{Deserialize, Serialize};

use super::fault::corrupt;
use crate::error::StoreError;

/// The first byte of the packed form.
const VERSION: u8 = 2;

/// The form before deaths were counted.
const WITHOUT_DEATHS: u8 = 1;

/// A recipient as it lies in the file.
#[derive(Serialize, Deserialize)]
struct Packed<'a> {
    recipient: u32,
    address: &'a str,
    variables: &'a str,
    attempts: u16,
    first_attempt_at: Option<i64>,
    deaths: u8,
}

/// The same in the form before deaths were counted.
#[derive(Deserialize)]
struct PackedWithoutDeaths<'a> {
    recipient: u32,
    address: &'a str,
    variables: &'a str,
    attempts: u16,
    first_attempt_at: Option<i64>,
}

impl<'a> From<PackedWithoutDeaths<'a>> for Packed<'a> {
    fn from(packed: PackedWithoutDeaths<'a>) -> Self {
        Self {
            recipient: packed.recipient,
            address: packed.address,
            variables: packed.variables,
            attempts: packed.attempts,
            first_attempt_at: packed.first_attempt_at,
            deaths: 0,
        }
    }
}

pub(super) fn pack(recipients: &[ChunkRecipient]) -> Result<Vec<u8>, StoreError> {
    let packed: Vec<_> = recipients
        .iter()
        .map(|r| Packed {
            recipient: r.recipient.0,
            address: r.address.as_str(),
            variables: r.variables.as_json(),
            attempts: r.attempts,
            first_attempt_at: r.first_attempt_at.map(Timestamp::as_micros),
            deaths: r.deaths,
        })
        .collect();
    let bytes: usize = recipients.iter().map(ChunkRecipient::stored_bytes).sum();
    let mut buffer = Vec::with_capacity(bytes);
    buffer.push(VERSION);
    postcard::to_extend(&packed, buffer).map_err(|error| corrupt(error.to_string()))
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<ChunkRecipient>, String> {
    let packed: Vec<Packed<'_>> = match bytes.split_first() {
        Some((&VERSION, packed)) => postcard::from_bytes(packed).map_err(|e| e.to_string())?,
        Some((&WITHOUT_DEATHS, packed)) => {
            let packed: Vec<PackedWithoutDeaths<'_>> =
                postcard::from_bytes(packed).map_err(|e| e.to_string())?;
            packed.into_iter().map(Packed::from).collect()
        }
        Some((version, _)) => return Err(format!("unknown version {version}")),
        None => return Err("nothing there".to_owned()),
    };
    packed.into_iter().map(unpack_one).collect()
}

fn unpack_one(packed: Packed<'_>) -> Result<ChunkRecipient, String> {
    let address = Address::from_stored(packed.address.to_owned()).map_err(|e| e.to_string())?;
    let variables =
        Variables::from_json_object(packed.variables.to_owned()).map_err(|e| e.to_string())?;
    Ok(ChunkRecipient {
        recipient: RecipientId(packed.recipient),
        address,
        variables,
        attempts: packed.attempts,
        first_attempt_at: packed.first_attempt_at.map(Timestamp::from_micros),
        deaths: packed.deaths,
    })
}

/// The numbers of recipients, each as its distance from the one before: mostly one byte.
pub(super) fn pack_numbers(recipients: &[ChunkRecipient]) -> Result<Vec<u8>, StoreError> {
    let mut before = 0;
    let distance = |r: &ChunkRecipient| {
        let distance = r.recipient.0.wrapping_sub(before);
        before = r.recipient.0;
        distance
    };
    let distances: Vec<u32> = recipients.iter().map(distance).collect();
    postcard::to_stdvec(&distances).map_err(|error| corrupt(error.to_string()))
}

/// None when they cannot be read either.
pub(super) fn unpack_numbers(bytes: &[u8]) -> Vec<RecipientId> {
    let distances: Vec<u32> = postcard::from_bytes(bytes).unwrap_or_default();
    let mut number = 0_u32;
    let add = |distance: u32| {
        number = number.wrapping_add(distance);
        RecipientId(number)
    };
    distances.into_iter().map(add).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipient() -> impl Strategy<Value = ChunkRecipient> {
        let address = "[a-zäß]{1,12}@[a-z]{1,8}\\.test";
        let first_attempt_at = proptest::option::of(any::<i64>());
        let variables = "\\{\"name\":\"[^\"\\\\]{0,40}\"\\}";
        (
            any::<u32>(),
            address,
            variables,
            any::<u16>(),
            first_attempt_at,
            any::<u8>(),
        )
            .prop_map(|(number, address, variables, attempts, at, deaths)| {
                ChunkRecipient {
                    recipient: RecipientId(number),
                    address: Address::from_stored(address).unwrap(),
                    variables: Variables::from_json_object(variables).unwrap(),
                    attempts,
                    first_attempt_at: at.map(Timestamp::from_micros),
                    deaths,
                }
            })
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_the_same(
            recipients in proptest::collection::vec(recipient(), 0..20),
        ) {
            let packed = pack(&recipients).unwrap();
            prop_assert_eq!(unpack(&packed).unwrap(), recipients.clone());
            let numbers: Vec<_> = recipients.iter().map(|r| r.recipient).collect();
            let packed = pack_numbers(&recipients).unwrap();
            prop_assert_eq!(unpack_numbers(&packed), numbers);
        }

        #[test]
        fn torn_bytes_are_an_error_and_never_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _: Result<_, _> = unpack(&bytes);
            let _: Vec<_> = unpack_numbers(&bytes);
        }
    }

    #[test]
    fn a_version_from_the_future_is_refused() {
        assert_eq!(unpack(&[3, 0]).unwrap_err(), "unknown version 3");
    }
}
