"""How long first mail from real senders waits, replayed in virtual time under the rules of several greylisters."""
