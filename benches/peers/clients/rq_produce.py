"""RQ's producer: `rq_produce.py COUNT`. Its task is `letter.send`."""

import sys

import letter
import redis
import rq

queue = rq.Queue(connection=redis.Redis(unix_socket_path=letter.REDIS))
print("begin", flush=True)
for job in letter.jobs(int(sys.argv[1])):
    queue.enqueue("letter.send", job)
