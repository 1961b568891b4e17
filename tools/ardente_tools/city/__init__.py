"""The city's side: keys and roots, the card table, cards, and what is published. The face is `ardente city`."""
