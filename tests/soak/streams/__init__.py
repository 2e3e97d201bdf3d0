"""Campaigns of faults over topics: who publishes and who consumes is killed, and so are broker and ledger.

A round lets processes loose on a ledger and topics of its own, and does to them what its seed says. In the
end an auditor that shares no code with `streams/` reads the topics with another client library, counts
records, not distinct ones, and compares them with the tables of the book.

    reading.py     a topic as a subscriber of what is committed finds it
    published.py   the verdict on what went out
    consumed.py    the verdict on what came in
    broker.py      a broker that is killed and comes back
    parts.py       the processes of a round
    rounds.py      what a round of either kind has: its crew, its folder, what is done to them
    outgoing.py    one round of publishing, from the first process to the verdict
    incoming.py    one round of consuming
"""
