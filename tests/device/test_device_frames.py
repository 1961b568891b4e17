"""Whole messages are found between whatever else is on the line, and nothing else is taken for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from smp import packet

from ardente_tools.device._transport import FrameReader

messages = st.binary(min_size=8, max_size=600)
# A board's own output has lines; none begins a frame.
texts = st.lists(st.sampled_from([b"rst:0x1 (POWERON)\r\n", b"\n", b"I (31) boot: x\r\n", b">>> \r\n", b"\xff\x00\n"]))


@given(st.lists(st.tuples(texts, messages)), st.integers(1, 97))
def test_messages_between_log_lines_come_out_whole(sent: list[tuple[list[bytes], bytes]], step: int) -> None:
    stream = b"".join(b"".join(text) + b"".join(packet.encode(message)) for text, message in sent)
    reader = FrameReader()
    found = [message for at in range(0, len(stream), step) for message in reader.feed(stream[at : at + step])]
    assert found == [message for _, message in sent]


@given(messages, st.data())
def test_a_spoiled_message_is_dropped_and_the_next_one_comes(message: bytes, data: st.DataObject) -> None:
    frame = bytearray(b"".join(packet.encode(message)))
    at = data.draw(st.integers(0, len(frame) - 2))
    frame[at] ^= 1 << data.draw(st.integers(0, 7))
    reader = FrameReader()
    found = reader.feed(bytes(frame))
    assert all(other == message for other in found)
    assert reader.feed(b"\n" + b"".join(packet.encode(message)))[-1:] == [message]


@given(messages, messages, st.data())
def test_a_message_that_was_cut_does_not_swallow_the_next(cut: bytes, whole: bytes, data: st.DataObject) -> None:
    frame = b"".join(packet.encode(cut))
    half = frame[: data.draw(st.integers(0, len(frame) - 1))]
    assert FrameReader().feed(half + b"\n" + b"".join(packet.encode(whole)))[-1] == whole


@given(st.binary(max_size=3000))
def test_bytes_at_random_are_no_message(data: bytes) -> None:
    assert FrameReader().feed(data) == []
