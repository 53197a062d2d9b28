"""What a trained network looks at: heat maps, gates and subbands, and their scores.

A heat map is a claim and not evidence: every score here comes with what chance and the
same network with random weights reach.
"""
