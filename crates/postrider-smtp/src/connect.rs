//! Opening the TCP connection to a nexthop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use postrider_types::Phase;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::relay::Relay;
use crate::trouble::{Cause, Trouble};

/// Connects to a relay: resolves its name, checks that it may be used, and tries its addresses in
/// order until one answers. `allowance` is for all of that together
/// ([`Timeouts::connect`](crate::Timeouts::connect)).
///
/// # Errors
/// Transient trouble with the site. Of several addresses, the last one's reason is told.
pub async fn connect(relay: &Relay, allowance: Duration) -> Result<TcpStream, Trouble> {
    timeout(allowance, connect_any(relay))
        .await
        .unwrap_or(Err(Cause::Deadline(allowance)))
        .map_err(|cause| Trouble::lost(Phase::Connect, cause))
}

async fn connect_any(relay: &Relay) -> Result<TcpStream, Cause> {
    let addresses = relay.addresses().await.map_err(Cause::Relay)?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match connect_one(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}

/// Small writes leave at once: a terminator that waits for the acknowledgement of the body costs
/// 40 ms a message (Nagle against delayed acknowledgement).
async fn connect_one(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_types::Scope;
    use tokio::net::TcpListener;

    const SECOND: Duration = Duration::from_secs(1);

    async fn listener() -> (TcpListener, Relay) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = listener.local_addr().unwrap().try_into().unwrap();
        (listener, relay)
    }

    #[tokio::test]
    async fn a_connection_does_not_delay_small_writes() {
        let (_listener, relay) = listener().await;
        let stream = connect(&relay, SECOND).await.unwrap();
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_refused_connection_is_transient_trouble_with_the_site() {
        let (listener, relay) = listener().await;
        drop(listener);
        let trouble = connect(&relay, SECOND).await.unwrap_err();
        assert_eq!(trouble.scope(), Scope::Site);
        assert!(!trouble.is_permanent());
        assert_eq!(trouble.phase(), Phase::Connect);
    }

    #[tokio::test]
    async fn a_name_is_tried_at_each_of_its_addresses() {
        let (listener, relay) = listener().await;
        let by_name: Relay = format!("smtp://localhost:{}", relay.port())
            .parse()
            .unwrap();
        connect(&by_name, SECOND).await.unwrap();
        drop(listener);
    }
}
