use super::*;
use postrider_api::{Client, NewEmail};
use postrider_store::StoreError;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const PATIENCE: Duration = Duration::from_secs(30);

async fn any_port() -> TcpListener {
    listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap()
}

fn config(data_dir: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.server.data_dir = data_dir.to_owned();
    config
}

async fn start(data_dir: &std::path::Path) -> Result<(Service, Client), StartError> {
    let (key, path) = ApiKey::load_or_create(data_dir)?;
    let options = StartOptions {
        store: StoreKind::Sqlite,
        is_sending: true,
        program: PathBuf::new(),
        workers: None,
    };
    let service = Service::start(config(data_dir), any_port().await, key, options).await?;
    let text = fs::read_to_string(path).unwrap();
    let client = Client::new(&service.endpoint(), &text).unwrap();
    Ok((service, client))
}

#[tokio::test]
async fn the_key_and_the_emails_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let (service, client) = start(&data_dir).await.unwrap();
    let email = NewEmail {
        from: "news@example.test".into(),
        subject: "Hi".into(),
        text: Some("Hello.".into()),
        ..NewEmail::default()
    };
    let put = client.put_email(&email, &[]).await.unwrap();
    assert!(put.is_new);
    let key = fs::read(data_dir.join(crate::key::KEY_FILE)).unwrap();
    service.stop(PATIENCE).await;

    let (service, client) = start(&data_dir).await.unwrap();
    assert_eq!(fs::read(data_dir.join(crate::key::KEY_FILE)).unwrap(), key);
    assert_eq!(client.email(put.id).await.unwrap().id, put.id);
    service.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_second_service_on_the_same_data_is_refused_with_the_pid_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let (service, _) = start(dir.path()).await.unwrap();
    let refused = start(dir.path()).await.err().expect("the data is taken");
    let pid = std::process::id();
    assert!(
        matches!(&refused, StartError::Store(StoreError::Owned { pid: owner, .. }) if *owner == pid)
    );
    let sentence = refused.to_string();
    assert!(
        sentence.contains(&format!("pid {pid}; stop that one")),
        "{sentence}"
    );
    service.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_so_with_what_to_do() {
    let first = any_port().await;
    let error = listen(first.local_addr().unwrap()).await.unwrap_err();
    let sentence = error.to_string();
    assert!(
        sentence.contains("the port is taken; stop what uses it"),
        "{sentence}"
    );
}

#[tokio::test]
async fn the_key_of_dev_opens_nothing_that_others_reach() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let options = StartOptions {
        store: StoreKind::Memory,
        is_sending: true,
        program: PathBuf::new(),
        workers: None,
    };
    let refused = Service::start(Config::default(), listener, ApiKey::dev(), options).await;
    assert!(matches!(refused.err(), Some(StartError::DevKey { .. })));
}

#[tokio::test]
async fn a_directory_that_cannot_be_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let options = StartOptions {
        store: StoreKind::Sqlite,
        is_sending: true,
        program: PathBuf::new(),
        workers: None,
    };
    let key = ApiKey::of("secret");
    let refused = Service::start(config(&file), any_port().await, key, options).await;
    let sentence = refused.err().expect("a file is no directory").to_string();
    assert!(sentence.contains(&file.display().to_string()), "{sentence}");
    assert!(
        sentence.contains("check that server.data_dir"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_route_that_cannot_be_used_is_refused_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir.path().join("data"));
    config.route.relay = "smtp://me:secret@192.0.2.1:25".to_owned();
    let options = StartOptions {
        store: StoreKind::Sqlite,
        is_sending: true,
        program: PathBuf::new(),
        workers: None,
    };
    let key = ApiKey::of("secret");
    let refused = Service::start(config, any_port().await, key, options).await;
    let refused = refused.err().expect("a URL has no password");
    assert_eq!(refused.to_string(), "route.relay cannot be used");
    let sentence = std::error::Error::source(&refused).unwrap().to_string();
    assert!(sentence.contains("use the keys for them"), "{sentence}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_data_directory_is_for_its_user_only() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let (service, _) = start(&data_dir).await.unwrap();
    let mode = fs::metadata(&data_dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    service.stop(PATIENCE).await;
}
