//! A DNS server on loopback that says what a test tells it to, over UDP and TCP.
//!
//! It answers as a recursive server does: a CNAME comes with what it leads to, "there is none" with
//! the SOA of the zone, and an answer that is too long for UDP is cut, so that it is asked for over TCP.
//! Names that it was told nothing of do not exist. It also fails as servers do: [`Fault`].

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// How long "there is none" lasts, in seconds.
const NEGATIVE_TTL: u32 = 300;

/// Most CNAMEs that are followed; a loop ends there.
const CNAMES_MAX: usize = 8;

/// Most ports that are tried until UDP and TCP are both free on one.
const PORTS_TRIED_MAX: usize = 20;

/// How a question goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this code.
    Code(ResponseCode),
    /// It is never answered.
    Silence,
    /// The answer names other servers, and nothing else.
    Referral,
}

/// What the server knows: the table of a test.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    records: HashMap<Name, Vec<Record>>,
    faults: HashMap<(Name, RecordType), Fault>,
}

/// A running server; it ends when it is dropped.
pub struct NameServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Dropping it ends both listeners.
    _tasks: JoinSet<()>,
}

struct Shared {
    zone: Mutex<Zone>,
    asked: Mutex<Vec<(Name, RecordType)>>,
}

impl Zone {
    /// A zone that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// `owner` has an MX record; `host` is written as in a zone file, so `.` is the null MX.
    #[must_use]
    pub fn mx(self, owner: &str, preference: u16, host: &str) -> Self {
        self.with(owner, RData::MX(MX::new(preference, name(host))))
    }

    /// `owner` has an A or an AAAA record.
    #[must_use]
    pub fn address(self, owner: &str, address: &str) -> Self {
        let data = match address.parse().expect("an IP address") {
            IpAddr::V4(v4) => RData::A(A(v4)),
            IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
        };
        self.with(owner, data)
    }

    /// `owner` is another name for `target`.
    #[must_use]
    pub fn cname(self, owner: &str, target: &str) -> Self {
        self.with(owner, RData::CNAME(CNAME(name(target))))
    }

    /// `owner` exists, whatever else is said of it.
    #[must_use]
    pub fn exists(mut self, owner: &str) -> Self {
        self.records.entry(name(owner)).or_default();
        self
    }

    /// A question about `owner` goes wrong.
    #[must_use]
    pub fn fault(mut self, owner: &str, record_type: RecordType, fault: Fault) -> Self {
        self.faults.insert((name(owner), record_type), fault);
        self
    }

    /// Every record of `owner` lasts for so many seconds; five minutes otherwise.
    #[must_use]
    pub fn ttl(mut self, owner: &str, seconds: u32) -> Self {
        for record in self.records.entry(name(owner)).or_default() {
            record.ttl = seconds;
        }
        self
    }

    fn with(mut self, owner: &str, data: RData) -> Self {
        const TTL: u32 = 300;
        let owner = name(owner);
        let record = Record::from_rdata(owner.clone(), TTL, data);
        self.records.entry(owner).or_default().push(record);
        self
    }

    /// The whole answer, or nothing for silence.
    fn answer(&self, question: &Message) -> Option<Message> {
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        let query = question.queries.first()?.clone();
        answer.add_query(query.clone());
        let key = (query.name().to_lowercase(), query.query_type());
        match self.faults.get(&key) {
            Some(Fault::Silence) => return None,
            Some(Fault::Code(code)) => answer.metadata.response_code = *code,
            Some(Fault::Referral) => {
                let elsewhere = RData::NS(NS(name("ns.elsewhere.test")));
                answer.add_authority(Record::from_rdata(key.0, NEGATIVE_TTL, elsewhere));
            }
            None => self.look_up(&query, &mut answer),
        }
        Some(answer)
    }

    fn look_up(&self, query: &Query, answer: &mut Message) {
        let mut owner = query.name().to_lowercase();
        for _ in 0..CNAMES_MAX {
            let known = self.records.get(&owner);
            let records = known.map_or(&[][..], Vec::as_slice);
            let is_asked = |record: &&Record| record.record_type() == query.query_type();
            let found: Vec<Record> = records.iter().filter(is_asked).cloned().collect();
            let cname = records.iter().find_map(|record| match &record.data {
                RData::CNAME(CNAME(target)) => Some((record.clone(), target.clone())),
                _ => None,
            });
            match cname {
                Some((record, target)) if found.is_empty() => {
                    answer.add_answer(record);
                    owner = target;
                    continue;
                }
                _ => {}
            }
            if found.is_empty() {
                answer.add_authority(start_of_authority());
            }
            if known.is_none() {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            answer.add_answers(found);
            return;
        }
        answer.metadata.response_code = ResponseCode::ServFail;
    }
}

impl NameServer {
    /// A server for `zone` on a free port of 127.0.0.1.
    pub async fn start(zone: Zone) -> Self {
        let (udp, tcp) = bind_both().await;
        let address = udp.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            zone: Mutex::new(zone),
            asked: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&shared)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    /// Where it listens, for UDP and TCP.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on it knows `zone`.
    pub fn becomes(&self, zone: Zone) {
        *locked(&self.shared.zone) = zone;
    }

    /// How often it was asked this.
    pub fn asked(&self, owner: &str, record_type: RecordType) -> usize {
        let key = (name(owner), record_type);
        let asked = locked(&self.shared.asked);
        asked.iter().filter(|asked| **asked == key).count()
    }
}

impl Shared {
    fn answer(&self, packet: &[u8]) -> Option<(Message, usize)> {
        let question = Message::from_vec(packet).ok()?;
        let query = question.queries.first()?;
        let key = (query.name().to_lowercase(), query.query_type());
        locked(&self.asked).push(key);
        let answer = locked(&self.zone).answer(&question)?;
        Some((answer, question.max_payload().into()))
    }
}

async fn serve_udp(socket: UdpSocket, shared: Arc<Shared>) {
    let mut packet = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        let Some((answer, bytes_max)) = shared.answer(&packet[..length]) else {
            continue;
        };
        let mut bytes = answer.to_vec().expect("it can be written");
        if bytes.len() > bytes_max {
            bytes = answer.truncate().to_vec().expect("it can be written");
        }
        // A client that has gone away is no matter of the server's.
        let _ = socket.send_to(&bytes, client).await;
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        clients.spawn(async move {
            // So does one that closes.
            let _ = serve_stream(stream, &shared).await;
        });
    }
}

/// Messages with two octets of length in front (RFC 1035 §4.2.2).
async fn serve_stream(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        let mut packet = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut packet).await?;
        if let Some((answer, _)) = shared.answer(&packet) {
            let bytes = answer.to_vec().expect("it can be written");
            let length = u16::try_from(bytes.len()).expect("a test's answer fits into a message");
            stream.write_u16(length).await?;
            stream.write_all(&bytes).await?;
        }
    }
}

async fn bind_both() -> (UdpSocket, TcpListener) {
    for _ in 0..PORTS_TRIED_MAX {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = udp.local_addr().expect("it is bound");
        if let Ok(tcp) = TcpListener::bind(address).await {
            return (udp, tcp);
        }
    }
    panic!("no port of {PORTS_TRIED_MAX} was free for UDP and TCP");
}

fn start_of_authority() -> Record {
    let (server, person) = (name("ns.test"), name("hostmaster.test"));
    let serial = 1;
    let soa = SOA::new(server, person, serial, 3600, 600, 86_400, NEGATIVE_TTL);
    Record::from_rdata(name("test"), NEGATIVE_TTL, RData::SOA(soa))
}

/// A name from the root on, whether a dot is written or not.
fn name(text: &str) -> Name {
    let mut name = Name::from_str(text).expect("a name").to_lowercase();
    name.set_fqdn(true);
    name
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
