//! Every bound of the load test, with its reason.

use std::time::Duration;

/// Domains listed in a run one by one; the rest is only counted.
pub const DOMAINS_MAX: usize = 1_000;

/// Domains with a series of their own; a plot with more lines is not read.
pub const SERIES_DOMAINS_MAX: usize = 12;

/// Recipients in doubt that are listed by name; the rest is only counted.
pub const IN_DOUBT_MAX: usize = 10_000;

/// Domains of a spread; the mock's own bound.
pub const SPREAD_DOMAINS_MAX: usize = 100_000;

/// Lines of an audience that are made at once.
pub const LINES_PER_READ: u64 = 1_000;

/// Deliveries of a run: the mock keeps about 100 bytes for each.
pub const DELIVERIES_MAX: u64 = 20_000_000;

/// Campaigns of a run.
pub const CAMPAIGNS_MAX: u64 = 100;

/// Connections of a run; the service's own bound.
pub const CONNECTIONS_MAX: u64 = 1_000;

/// Bytes of text and HTML, and of the attachment; the mock keeps a sample of at most 16 MiB.
pub const BODY_BYTES_MAX: u64 = 10_000_000;

/// The time between two looks at something that a child is about to do.
pub const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How much of a child's output is quoted when it fails.
pub const OUTPUT_TAIL_BYTES: usize = 2_000;

/// How long a child may take until it answers: a store that was killed recovers first.
pub const START_AFTER_MAX: Duration = Duration::from_secs(60);

/// How long a child may take to end when it is asked to; the service drains for at most 30 s.
pub const STOP_AFTER_MAX: Duration = Duration::from_secs(45);

/// How long the service stands still at a pause: longer than the shortest lease slice, shorter
/// than a lease.
pub const PAUSE_FOR: Duration = Duration::from_secs(2);

/// The time between two looks at a campaign.
pub const POLL_EVERY: Duration = Duration::from_millis(100);

/// Looks at the campaigns for one at the metrics, which cost the service more.
pub const LOOKS_PER_SCRAPE: u64 = 5;

/// Deaths of workers whose times are kept; more are only counted.
pub const DEATHS_MAX: usize = 10_000;

/// The time between two samples of memory.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Samples of memory that are kept: a day.
pub const SAMPLES_MAX: usize = 86_400;

/// Lines that are sent to the mock in one request.
pub const LINES_PER_REQUEST: usize = 10_000;

/// Rows of each table of the text report; the page and `run.json` have the others.
pub const REPORT_ROWS_MAX: usize = 20;

/// Recipients in doubt that the text report names; the page and `run.json` have the others.
pub const REPORT_IN_DOUBT_MAX: usize = 100;

/// How long the mock's control port may take to answer; a verdict over millions takes seconds.
pub const CONTROL_AFTER_MAX: Duration = Duration::from_secs(120);

/// The time between two lines that say how far a run is.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Messages of a baseline: enough for some seconds, however many the run itself sends.
pub const BASELINE_MESSAGES_MAX: u64 = 200_000;

/// Bytes of a baseline that only writes them to sockets.
pub const BASELINE_BYTES_MAX: u64 = 10_000_000_000;

/// Messages of a baseline by lettre, which sends few in a second.
pub const LETTRE_MESSAGES_MAX: u64 = 2_000;

/// Steps in one picture; beyond about one in three pixels they are not told apart.
pub const PLOT_STEPS_MAX: usize = 300;

/// How many times as fast as life the mock's waits may pass: a day in less than a second.
pub const TIME_SCALE_MAX: u64 = 100_000;

/// Most workers of a service.
pub const WORKERS_MAX: u64 = 16;

/// One kill or pause in so many is the service's own, where it has workers.
pub(crate) const PARENT_IS_MEANT_ONCE_IN: u64 = 10;

/// Domains of an audience for which nothing else is said.
pub const SPREAD_DEFAULT: usize = 100;

/// How long the export of all receipts may take, and telling them to the mock.
pub const EXPORT_AFTER_MAX: Duration = Duration::from_secs(600);

/// Lines of one list that is handed over: what is handed over again after a kill.
pub const LINES_PER_LIST: u64 = 100_000;

/// How unevenly MAIL commands may arrive that were sent evenly: the mock's own bound on loopback.
pub const JITTER_MAX: Duration = Duration::from_millis(20);
