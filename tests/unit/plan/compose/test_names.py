"""A service that names another one as its host is recognised in whatever form it does so."""

import pytest

from harness.plan.compose.names import find_named_host


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("DB_HOST", "db"),
        ("DATABASE_URL", "postgres://u:p@db/app"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@db:5432/app"),
        ("JDBC", "jdbc:mysql://db:3306/app?useSSL=false"),
        ("DSN", "u:p@tcp(db:3306)/app?parseTime=true"),
        ("ConnectionStrings__Default", "Server=db;Database=app;User Id=sa"),
        ("ConnectionStrings__Default", "Data Source=tcp:db,1433;Initial Catalog=app"),
        ("DSN", "host=db port=5432 user=u"),
        ("MONGO", "mongodb://other:27017,db:27017/app?replicaSet=rs0"),
        ("KAFKA_BROKERS", "other:9092,db:9092"),
        ("REDIS_NODES", "other, db"),
        ("CACHE", "redis://:p@db"),
        ("ORIGIN", "http://db"),
    ],
)
def test_a_host_in_a_variable_is_found(key: str, text: str) -> None:
    assert find_named_host({"environment": {"A": "1", key: text}}, "db") == key


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("NAME", "db"),
        ("URL", "postgres://u:p@db.example.org/app"),
        ("URL", "postgres://u:p@my-db:5432/app"),
        ("URL", "postgres://db:p@elsewhere/app"),
        ("URL", "https://elsewhere/db"),
        ("TIME", "db:late"),
        ("DSN", "dbname=db host=elsewhere"),
    ],
)
def test_what_only_looks_like_a_host_is_none(key: str, text: str) -> None:
    assert find_named_host({"environment": {key: text}}, "db") is None


@pytest.mark.parametrize(
    ("command", "is_named"),
    [
        (["./wait-for-it.sh", "db:5432", "--", "serve"], True),
        (["sh", "-c", "until nc -z -h db; do sleep 1; done; serve"], True),
        (["serve", "--database-host=db"], True),
        (["serve", "--db-url", "postgres://u@db/x"], True),
        (["rake", "db:migrate"], False),
        (["serve", "db"], False),
    ],
)
def test_a_host_in_a_command_is_found(command: list[str], is_named: bool) -> None:
    assert find_named_host({"command": command}, "db") == ("command" if is_named else None)
