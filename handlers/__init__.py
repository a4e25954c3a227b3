"""The WiFi hotspot's jobs: an M-Pesa payment becomes a subscription, a hotspot user and a text message.

Licensed under GPL-2.0-or-later (see LICENSE.md beside this file); qsup itself is MIT.
"""
