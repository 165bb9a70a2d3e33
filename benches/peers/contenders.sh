# shellcheck shell=bash disable=SC2016,SC2034,SC2154  # half of the variables are those of `run`
# How each contender is started and what its measured command is; sourced by `run`.
#
# `start_NAME COUNT` starts what must be up before time runs, and leaves in `command` what is
# measured, and in `measuring` what to tell measure.py about it. Everything that it starts it
# passes to `start`, by which it is counted, and stopped in the end.

# Name | messages, in percent of --count | what it is | what it keeps of what it did.
# The shares keep the slow ones below some 15 seconds a run.
readonly contenders=(
  'postrider|100|Postrider, `send` to `serve`|durable: attempts committed before the dot, outcomes after; a receipt per recipient'
  'smtp-source|200|`smtp-source -d`, the physical limit|nothing; one body, not rendered'
  'lettre|5|lettre, its pool of 10|nothing; dies with its process'
  'lettre-nodelay|100|lettre, 10 connections with TCP_NODELAY from outside|nothing; dies with its process'
  'bullmq|20|BullMQ + nodemailer on Redis, 10 at once|a job per recipient in memory, snapshots; ended jobs stay listed'
  'celery|20|Celery + smtplib on Redis, 2 workers|jobs of 100 in memory, snapshots; no receipts'
  'rq|20|RQ + smtplib on Redis, 2 workers|jobs of 100 in memory, snapshots; ended jobs for 500 s'
  'postfix|10|Postfix, handed over by SMTP and sent at once|durable queue file per message, fsync; a log line'
  'postfix-drain|15|Postfix, sends what it has queued already|the same; handing over is not in the time'
)

start_postrider() {
  local port count=$1
  port=$(free_port)
  cat >"$scratch/postrider.toml" <<END
[server]
listen = "127.0.0.1:$port"
data_dir = "$scratch/postrider"
[route]
relay = "smtp://127.0.0.1:$sink_port"
connections = $connections
[log]
filter = "warn"
END
  seq 0 $((count - 1)) | awk 'BEGIN { print "email,name" } { print "reader" $1 "@dest.test,Reader " $1 }' \
    >"$scratch/people.csv"
  start postrider target/release/postrider serve --store "$store" --config "$scratch/postrider.toml"
  wait_for 'port of Postrider' is_open "$port"
  command=(target/release/postrider send --data "$scratch/postrider" --quiet --wait
    --name peers --from 'News <news@example.test>' --subject 'Hello {{ name }}'
    --html "$letter/letter.html" --text "$letter/letter.txt" --to "$scratch/people.csv")
}

start_smtp-source() {
  command=(smtp-source -d -N -s "$connections" -m "$1" -l "$letter_bytes"
    -f news@example.test -t reader@dest.test "127.0.0.1:$sink_port")
}

start_lettre() {
  command=(target/release/examples/lettre_peer pool "$sink_port" "$1" "$letter")
}

start_lettre-nodelay() {
  command=(target/release/examples/lettre_peer nodelay "$sink_port" "$1" "$letter")
}

start_bullmq() {
  start_redis
  start bullmq node "$home/node/bullmq_work.js"
  wait_for 'BullMQ worker' grep -qs ready "$scratch/bullmq.log"
  command=(node "$home/node/bullmq_produce.js" "$1")
  measuring=(--begins)
}

start_celery() {
  start_redis
  start celery "$home/venv/bin/celery" --quiet --app celery_tasks worker --concurrency "$workers" \
    --loglevel info --pool prefork
  wait_for 'Celery worker' grep -qs ' ready\.' "$scratch/celery.log"
  command=("$home/venv/bin/python" "$clients/celery_tasks.py" "$1")
  measuring=(--begins)
}

start_rq() {
  local worker
  start_redis
  for ((worker = 1; worker <= workers; worker++)); do
    start "rq-$worker" "$home/venv/bin/rq" worker --url "unix://$PEERS_REDIS"
    wait_for 'RQ worker' grep -qs 'Listening on' "$scratch/rq-$worker.log"
  done
  command=("$home/venv/bin/python" "$clients/rq_produce.py" "$1")
  measuring=(--begins)
}

# Redis as it comes: snapshots now and then, no append-only file.
start_redis() {
  mkdir -p "$scratch/redis"
  start redis redis-server --port 0 --unixsocket "$PEERS_REDIS" --dir "$scratch/redis"
  wait_for Redis test -S "$PEERS_REDIS"
}

start_postfix() {
  start_dispatcher ''
  command=("${injection[@]}" -m "$1" "127.0.0.1:$dispatcher_port")
}

# The queue is filled while everything is on hold; then the hold ends, and time runs from the
# moment at which Postfix is told to send.
start_postfix-drain() {
  local queued
  start_dispatcher 'smtpd_client_restrictions = static:HOLD'
  timeout 120 "${injection[@]}" -m "$1" "127.0.0.1:$dispatcher_port" || stop 'could not fill the queue of Postfix'
  queued=$(find "$dispatcher/queue/hold" -type f | wc -l)
  ((queued == $1)) || stop "Postfix holds $queued messages instead of $1"
  timeout 120 postsuper -c "$dispatcher" -H ALL 2>>"$scratch/postfix.log" || stop 'Postfix does not let go of its queue'
  command=(postqueue -c "$dispatcher" -f)
}

# A Postfix of our own, with its own configuration and queue, that relays everything to the sink.
start_dispatcher() {
  dispatcher=$scratch/dispatcher
  dispatcher_port=$(free_port)
  injection=(smtp-source -d -N -s "$connections" -l "$letter_bytes" -f news@example.test -t reader@dest.test)
  mkdir -p "$dispatcher/queue" "$dispatcher/data"
  chown postfix "$dispatcher/data"
  cat >"$dispatcher/main.cf" <<END
compatibility_level = 3.6
queue_directory = $dispatcher/queue
data_directory = $dispatcher/data
maillog_file_prefixes = $dispatcher
maillog_file = $dispatcher/mail.log
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:$sink_port
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
default_destination_concurrency_limit = $connections
initial_destination_concurrency = $connections
smtp_connection_cache_destinations = [127.0.0.1]:$sink_port
in_flow_delay = 0
alias_maps =
$1
END
  cat >"$dispatcher/master.cf" <<END
127.0.0.1:$dispatcher_port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
END
  # Postfix runs a checking script that finds daemons and manuals where Debian keeps them.
  timeout 60 postfix -c "$dispatcher" start >"$scratch/postfix.log" 2>&1 ||
    stop "Postfix does not start; see $scratch/postfix.log"
  counted+=("$(xargs <"$dispatcher/queue/pid/master.pid")")
  wait_for 'port of Postfix' is_open "$dispatcher_port"
}

stop_dispatcher() {
  if [[ -n ${dispatcher-} ]]; then
    timeout 60 postfix -c "$dispatcher" stop >>"$scratch/postfix.log" 2>&1 || true
    dispatcher=''
  fi
}
