"""Answers DNS on 127.0.0.1:53: the name that is given is at 127.0.0.1, and no other exists."""
import socket
import sys

name = b"".join(bytes([len(label)]) + label.encode() for label in sys.argv[1].split(".")) + b"\0"
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    query, client = server.recvfrom(512)
    end = 12 + query[12:].index(0) + 1
    question = query[12 : end + 4]
    known, has_address = query[12:end].lower() == name, question[-4:-2] == b"\0\1"
    # A pointer to the name in the question, type A, class IN, a minute, four bytes of address.
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if known and has_address else b""
    flags = b"\x81\x80" if known else b"\x81\x83"
    counts = b"\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0"
    server.sendto(query[:2] + flags + counts + question + answer, client)
