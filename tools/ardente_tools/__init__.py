"""Tools of those who run the Carte Ardente: the city, its technicians, its tests. Partners need none of them."""
