"""Cost: what a venue on AWS costs by the month, computed from a table of prices that says where each comes from.

In:    requests a second, region, commitment, layout.
Out:   lines of money, sums, tables and a picture.
Never: asks AWS; takes a guess for a fact.
"""
