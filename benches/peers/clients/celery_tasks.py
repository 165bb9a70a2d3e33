"""Celery's task. As a program it is the producer: `celery_tasks.py COUNT`."""

import sys

import celery
import letter

app = celery.Celery("celery_tasks", broker="redis+socket://" + letter.REDIS)
app.conf.broker_connection_retry_on_startup = True


@app.task(name="send", ignore_result=True)
def send(numbers):
    letter.send(numbers)


if __name__ == "__main__":
    print("begin", flush=True)
    for job in letter.jobs(int(sys.argv[1])):
        send.delay(job)
