"""Dangol's desktop agent: shows a customer's screen to the person who helps them and lets that person
control it.

A light package of its own. It runs on the customer's PC, from one self-unpacking archive, and imports
nothing of Dangol but itself: aiortc carries the picture, mss takes it, pynput moves the hand, Pillow draws
the panel.

Nothing is shared before the customer says so, viewing and control are asked for one by one, and the stop
button of the panel ends everything at once. It never asks the system for more rights than the person at the
PC has.
"""
