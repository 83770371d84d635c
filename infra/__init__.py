"""The exchange on AWS, as code: stacks for each environment, and the ladder that checks them.

In:    the roles, fleets, indicators and settings of the program; values of an environment.
Out:   CloudFormation templates, the same bytes each time; a table and a picture made from them; a verdict.
Never: calls AWS, looks anything up, holds a secret.
"""
