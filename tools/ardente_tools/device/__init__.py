"""Scanners on a cable: flash, provision, push, doctor, fleet."""
