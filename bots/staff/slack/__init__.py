"""Slack as a face of the desk: customers are threads, requests are cards, `/dangol` asks and acts.

The way of an event: `listening` stores it and acknowledges, `handling` does it once in a transaction,
`posting` shows what came of it. The way back: `following` turns happenings into cards and posts.
"""
