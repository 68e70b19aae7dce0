"""What the kernel's tables say of listening sockets."""

from harness.measure.docker.inside import parse_listening_ports

TABLES = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 1 1 0 100 0 0 10 0
   1: 020011AC:1538 010011AC:9C40 01 00000000:00000000 00:00000000 00000000   102        0 2 1 0 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:18EB 00000000000000000000000000000000:0000 0A 00000000:00000000
cat: /proc/net/tcp6: No such file or directory
"""


def test_only_listening_ports_count_of_both_families() -> None:
    assert list(parse_listening_ports(TABLES)) == [5432, 6379]
    assert list(parse_listening_ports("")) == []
