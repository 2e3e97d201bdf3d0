"""Campaigns of faults: processes that work on one book while they and their server are killed.

A round lets writers, readers and fold workers loose on a book of its own, and does to them what the
seed of the round says. Each process keeps notes, flushed line by line: what it was about to send,
what it was acknowledged, what it was handed. In the end the auditor, which shares no code with
Bahi, compares book, notes and views.

    part.py        what a process of a round is: its notes, its way back after a lost database
    writers.py     the processes that append
    readers.py     the processes that follow, fold and close
    crew.py        the processes of a round: started, killed, held, started again
    proxy.py       connections cut at the worst moment
    server.py      a PostgreSQL that is killed and comes back
    disk.py        a disk that is full, and is not any more
    rounds.py      one round from the first process to the verdict
    tables.py      the tables of a book, read by plain SQL
    auditor.py     the verdict
    streams/       the same for topics: what is published, and what is consumed
"""
