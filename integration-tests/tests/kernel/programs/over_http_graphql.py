"""A GraphQL server: ariadne, served by uvicorn as `over_http_graphql:app`."""

import ariadne
from ariadne.asgi import GraphQL

query = ariadne.QueryType()
mutation = ariadne.MutationType()


@query.field("user")
def user(*_, name):
    return {"name": "SECRET"}


@query.field("broken")
def broken(*_):
    raise ValueError("SECRET")


@mutation.field("rename")
def rename(*_, name):
    return True


SCHEMA = """
type User { name: String! }
type Query { user(name: String!): User, broken: String }
type Mutation { rename(name: String!): Boolean }
"""
app = GraphQL(ariadne.make_executable_schema(SCHEMA, query, mutation))
