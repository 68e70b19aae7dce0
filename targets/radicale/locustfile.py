"""Calendar clients: each makes a calendar of its own, puts events into it and looks for changes."""

import uuid

from locust import HttpUser, between, task

EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//harness//example//EN\r
BEGIN:VEVENT\r
UID:{uid}\r
DTSTART:20260101T100000Z\r
DTEND:20260101T110000Z\r
SUMMARY:Standing up\r
END:VEVENT\r
END:VCALENDAR\r
"""
CHANGES = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'


class Client(HttpUser):
    wait_time = between(1, 4)

    def on_start(self):
        self.home = f"/{uuid.uuid4().hex}"
        self.events = []
        self.client.request("MKCOL", f"{self.home}/", name="/[user]/")
        self.client.request("MKCALENDAR", f"{self.home}/agenda/", name="/[user]/agenda/")

    @task(2)
    def put(self):
        uid = uuid.uuid4().hex
        headers = {"Content-Type": "text/calendar"}
        self.client.put(
            f"{self.home}/agenda/{uid}.ics",
            data=EVENT.format(uid=uid),
            headers=headers,
            name="/[user]/agenda/[event]",
        )
        self.events.append(uid)

    @task(5)
    def look_for_changes(self):
        self.client.request(
            "PROPFIND", f"{self.home}/agenda/", data=CHANGES, headers={"Depth": "1"}, name="/[user]/agenda/"
        )

    @task(2)
    def read(self):
        if not self.events:
            self.put()
        url = f"{self.home}/agenda/{self.events[-1]}.ics"
        with self.client.get(url, name="/[user]/agenda/[event]", catch_response=True) as answer:
            if answer.ok and self.events[-1] not in answer.text:
                answer.failure("another event")
