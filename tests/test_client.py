"""The client against servers that are wrong, slow or hostile: one line, and nothing written."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import gzip
import io
import json
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_tf import client
from gan_tf.host.errors import InputError

from .standins import Handler, answer_of, http, rpc_of

INT64 = np.iinfo(np.int64)


def picture(mode: str = "L", size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    """The bytes of a picture."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it is as large as that."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(bytes(72))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def body(pngs: Sequence[bytes]) -> bytes:
    """Pictures as REST has them."""
    rows = [{"b64": base64.b64encode(png).decode()} for png in pngs]
    return json.dumps({"predictions": rows}).encode()


def seeds_of(handler: Handler) -> list[int]:
    """The seeds that were asked for by REST."""
    return [row["seeds"] for row in handler.asked["instances"]]


def served(
    interface: str, pngs: Callable[[list[int]], Sequence[bytes]]
) -> contextlib.AbstractContextManager[str]:
    """A server by REST or gRPC, whose pictures are a function of the seeds."""
    if interface == "REST":
        return http(lambda handler: handler.answer(200, body(pngs(seeds_of(handler)))))

    def predict(request: Any, _: Any) -> Any:
        return answer_of(png_bytes=pngs(tf.make_ndarray(request.inputs["seeds"]).tolist()))

    return rpc_of(predict)


both = pytest.mark.parametrize("interface", ["REST", "gRPC"])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A file of the user's, where the pictures are to go."""
    path = tmp_path / "served.png"
    path.write_bytes(b"mine")
    return path


def refusal(
    mine: Path,
    url: str,
    seeds: str = "0",
    timeout: float = 30.0,
    truncation: float = 1.0,
    labels: str | None = None,
) -> str:
    """Asserts that the client refuses an answer, names the server, and writes nothing; returns what
    it says of the answer."""
    options = client.Options(
        url=url,
        seeds=seeds,
        labels=labels,
        timeout=timeout,
        truncation=truncation,
        output=str(mine),
    )
    with pytest.raises(InputError) as refused:
        client.main(options)
    assert [path.read_bytes() for path in mine.parent.iterdir()] == [b"mine"]
    about, said = str(refused.value).split(": ", 1)
    assert about == f"--url={url}"
    assert len(said) < 600
    return said


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Bad Gateway</html>",
        b"\xff\xfe\xfd",
        b"[1, 2]",
        b"null",
        b"[" * 100_000,
        b'{"predictions": ' + b"9" * 5_000 + b"}",
        b'{"predictions": NaN}',
        b'{"predictions": null}',
        b'{"predictions": 1e999}',
        b'{"predictions": {"b64": ""}}',
        b'{"predictions": ["b64"]}',
        b'{"predictions": [{"b65": ""}]}',
        b'{"predictions": [{"b64": "?"}]}',
        b'{"predictions": [{"b64": "\xc3\xa9"}]}',
        b'{"predictions": [{"b64": [1]}]}',
        b'{"error": ' + b"[" * 500 + b"]" * 500 + b"}",
    ],
    ids=range(16),
)
def test_it_takes_no_nonsense(mine: Path, answer: bytes) -> None:
    with http(lambda handler: handler.answer(200, answer)) as url:
        assert refusal(mine, url).startswith("answered HTTP 200, but not as TensorFlow Serving")


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (500, body([picture()]), {}),
        (307, b"", {"Location": "http://127.0.0.1:9"}),
        (200, gzip.compress(body([picture()])), {"Content_Encoding": "gzip"}),
    ],
    ids=["an error", "another server", "packed"],
)
def test_it_takes_what_the_server_itself_answers_as_it_is_sent(
    mine: Path, status: int, content: bytes, headers: dict[str, str]
) -> None:
    with http(lambda handler: handler.answer(status, content, **headers)) as url:
        assert refusal(mine, url).startswith(f"answered HTTP {status}, but not as TensorFlow")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        bytes(100),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n",
    ],
    ids=range(3),
)
def test_what_is_no_http_is_no_answer(mine: Path, sent: bytes) -> None:
    with http(lambda handler: handler.wfile.write(sent)) as url:
        assert refusal(mine, url).startswith("no answer (")


def test_the_servers_own_words_are_kept_short(mine: Path) -> None:
    text = json.dumps({"error": "no such thing\n" * 1_000}).encode()
    with http(lambda handler: handler.answer(404, text)) as url:
        assert refusal(mine, url).startswith("no such thing")


@pytest.mark.parametrize(
    ("png", "what"),
    [
        (picture()[:43], "truncated"),
        (picture()[:-1], "cut short"),
        (picture().replace(b"IDAT", b"IDAt"), ""),
        (b"no picture", "cannot identify"),
        (b"", "cannot identify"),
        (picture(kind="JPEG"), "cannot identify"),
        (picture(kind="GIF"), "cannot identify"),
        (claiming(20_000, 20_000), "exceeds limit"),
        (claiming(10_000, 10_000), "exceeds limit"),
        (claiming(9_000, 9_000), "9000x9000, mode L"),
        (claiming(2**31 - 1, 1), "exceeds limit"),
        (claiming(0, 0), ""),
        (picture("P"), "mode P"),
        (picture("1"), "mode 1"),
        (picture("I;16"), "mode I;16"),
        (picture("LA"), "mode LA"),
    ],
    ids=range(16),
)
def test_only_a_png_of_reasonable_size_is_a_picture(mine: Path, png: bytes, what: str) -> None:
    with served("REST", lambda _: [png]) as url:
        said = refusal(mine, url)
    assert said.startswith("a picture must be a PNG of 8-bit grey, RGB or RGBA with at most ")
    assert " 16,777,216 pixels (" in said
    assert what in said


@both
def test_pictures_are_of_one_size(mine: Path, interface: str) -> None:
    with served(interface, lambda seeds: [picture(size=(8, 8 + seed)) for seed in seeds]) as url:
        assert "more than one size" in refusal(mine, url, seeds="0,1")


@both
@pytest.mark.parametrize(("seeds", "number"), [("0", 2), ("0", 0), ("0,1", 1)])
def test_pictures_are_counted(mine: Path, interface: str, seeds: str, number: int) -> None:
    with served(interface, lambda _: [picture()] * number) as url:
        said = refusal(mine, url, seeds=seeds)
    assert said == f"answered {number} pictures for {len(seeds.split(','))} seeds"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("pictures", "answered 40 pictures for 1 seeds"),
        ("texts", "answered HTTP 200, but not as TensorFlow Serving"),
        ("names", "answered 2,000,000 names of classes; 100,000 can be asked for"),
    ],
)
def test_a_small_answer_does_not_unpack_to_much(mine: Path, kind: str, said: str) -> None:
    """Pictures of 64 MB each, texts of which an array takes the longest's room for each, and
    classes that are asked for eight times each."""
    if kind == "pictures":
        file = io.BytesIO()
        Image.new("RGBA", (4096, 4096)).save(file, "PNG")
        rows: list[Any] = [{"b64": base64.b64encode(file.getvalue()).decode()}] * 40
    elif kind == "texts":
        rows = ["a" * 1000] + ["a"] * 600_000
    else:
        rows = [["a"] * 2_000_000]
    answer = json.dumps({"predictions": rows}).encode()
    truncation, labels = (0.5 if kind == "texts" else 1.0), ("all" if kind == "names" else None)
    with http(lambda handler: handler.answer(200, answer)) as url:
        tracemalloc.start()
        try:
            found = refusal(mine, url, truncation=truncation, labels=labels)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found.startswith(said)
    assert peak < 500e6


def test_by_grpc_pictures_are_bytes_of_the_right_name(mine: Path) -> None:
    for outputs in ({"images": [picture()]}, {"png_bytes": [1.0]}, {"png_bytes": [1]}):
        with rpc_of(lambda *_, outputs=outputs: answer_of(**outputs)) as url:
            assert refusal(mine, url) == "answered 0 pictures for 1 seeds"


def test_an_answer_of_millions_of_lists_is_not_unpacked(mine: Path) -> None:
    """They would take a hundred times their bytes, and a minute."""
    answer = b'{"predictions": [' + b"[]," * 30_000_000 + b"[]]}"
    with http(lambda handler: handler.answer(200, answer)) as url:
        start = time.monotonic()
        said = refusal(mine, url, truncation=0.5)
    assert said == "answered more than 4,000,000 lists; ask for fewer images at a time"
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "images",
    [
        *("[]", "[[[[1.5]]]]", "[[[[true]]]]", "[[[[256]]]]", "[[[[-1]]]]", "[[[[1], [1, 2]]]]"),
        *('"images"', "[{}]", f"[[[[{2**70}]]]]", "[[[[null]]]]", "[[[[]]]]"),
    ],
    ids=range(11),
)
def test_by_rest_truncated_images_are_numbers_of_8_bits(mine: Path, images: str) -> None:
    answer = f'{{"predictions": {images}}}'.encode()
    with http(lambda handler: handler.answer(200, answer)) as url:
        said = refusal(mine, url, truncation=0.5)
    assert said.startswith("answered HTTP 200, but not as TensorFlow Serving")


def of_numbers(number: int) -> Any:
    """An answer whose pixels, which claim to be of 8 bits, are this number."""
    answer = answer_of(images=np.zeros((1, 8, 8, 1), np.uint8))
    answer.outputs["images"].ClearField("tensor_content")
    answer.outputs["images"].int_val.append(number)
    return answer


def test_by_grpc_truncated_images_are_of_8_bits_and_as_many_as_their_shape_says(mine: Path) -> None:
    def altered(answer: Any, height: int) -> Any:
        answer.outputs["images"].tensor_shape.dim[1].size = height
        return answer

    image = np.zeros((1, 8, 8, 1), np.uint8)
    answers = {
        "must be uint8": [
            answer_of(images=image.astype(np.float32)),
            answer_of(images=image[[0, 0]]),
        ],
        "their shape is []": [answer_of(png_bytes=[picture()]), answer_of(images=np.uint8(1))],
        "grey, RGB or RGBA": [
            answer_of(images=image[0]),
            answer_of(images=np.zeros((1, 8, 8, 2), np.uint8)),
            altered(answer_of(images=image), -8),
        ],
        "too few numbers": [altered(answer_of(images=image), 9)],
        "some that are no uint8": [of_numbers(300), of_numbers(-1)],
        "at most 16,777,216 pixels": [altered(answer_of(images=image), 2**40)],
    }
    for said, each in answers.items():
        for answer in each:
            with rpc_of(lambda *_, answer=answer: answer) as url:
                assert said in refusal(mine, url, truncation=0.5)


@pytest.mark.parametrize("seeds", ["0", "0,1,2"])
def test_truncated_images_are_counted(mine: Path, seeds: str) -> None:
    answer = json.dumps({"predictions": np.zeros((2, 8, 8, 1), int).tolist()}).encode()
    with http(lambda handler: handler.answer(200, answer)) as url:
        said = refusal(mine, url, seeds, truncation=0.5)
    assert said == f"answered 2 pictures for {len(seeds.split(','))} seeds"


@both
def test_an_export_of_before_truncation_is_named(mine: Path, interface: str) -> None:
    """In TensorFlow Serving's own words for a signature that is not there."""
    text = 'Serving signature key "generate_truncated" not found.'

    def predict(_: Any, context: Any) -> None:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)

    def post(handler: Handler) -> None:
        handler.answer(400, json.dumps({"error": text}).encode())

    with http(post) if interface == "REST" else rpc_of(predict) as url:
        said = refusal(mine, url, truncation=0.5)
    assert said == (
        "the model there has no signature generate_truncated, which --truncation asks; export it "
        "anew"
    )


def drip(handler: Handler, beginning: bytes) -> None:
    """Sends a beginning, and then a byte every 50 ms for as long as somebody listens."""
    with contextlib.suppress(OSError):
        handler.wfile.write(beginning)
        while True:
            handler.wfile.write(b"a")
            time.sleep(0.05)


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=range(3)
)
def test_the_timeout_is_that_of_the_whole_answer(mine: Path, beginning: bytes) -> None:
    with http(lambda handler: drip(handler, beginning)) as url:
        start = time.monotonic()
        assert refusal(mine, url, timeout=0.3).startswith("no whole answer within 0.3 s")
        assert time.monotonic() - start < 2


@both
def test_the_timeout_is_that_of_all_requests_together(mine: Path, interface: str) -> None:
    def late(seeds: list[int]) -> list[bytes]:
        time.sleep(0.2)
        return [picture()] * len(seeds)

    with served(interface, late) as url:
        said = refusal(mine, url, seeds=",".join("1" * 64 * 20), timeout=0.5)
    assert said == "no whole answer within 0.5 s; --timeout can give it longer"


def test_an_answer_without_an_end_is_cut_off(mine: Path) -> None:
    def endless(handler: Handler) -> None:
        with contextlib.suppress(OSError):
            handler.answer(200, b"", Content_Length=str(10**15))
            while True:
                handler.wfile.write(bytes(2**20))

    with http(endless) as url:
        assert refusal(mine, url).startswith("answered more than 96 MiB")


@both
def test_large_answers_come_through(tmp_path: Path, interface: str) -> None:
    large = picture() + bytes(5 * 2**20)  # By default, gRPC takes no more than 4 MiB.
    output = tmp_path / "large.PNG"
    with served(interface, lambda _: [large]) as url:
        client.main(client.Options(url=url, output=str(output)))
    with Image.open(output) as grid:
        assert (grid.format, grid.size) == ("PNG", (20, 20))


def test_64_pictures_of_512x512_in_rgba_are_no_answer_too_large(tmp_path: Path) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 4), np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    large = picture("RGBA") + bytes(file.tell())  # As long, and quicker to draw.
    options = client.Options(
        seeds=",".join(map(str, range(64))), output=str(tmp_path / "a.png"), timeout=60.0
    )
    with served("REST", lambda seeds: [large] * len(seeds)) as url:  # Base64 makes it a third more.
        client.main(dataclasses.replace(options, url=url))
    with Image.open(tmp_path / "a.png") as grid:
        assert grid.mode == "RGBA"
        assert not np.asarray(grid)[..., 3].any(), "transparent, as its border is"


@both
def test_every_int64_is_a_seed_and_any_number_of_them(tmp_path: Path, interface: str) -> None:
    seeds = [INT64.min, INT64.max, 0, 7, 7, *range(1_000)]
    asked: list[int] = []

    def pngs(some: list[int]) -> list[bytes]:
        asked.extend(some)
        return [picture("RGB")] * len(some)

    text = f"{INT64.min},{INT64.max},-0,007,7,{','.join(map(str, range(1_000)))}"
    with served(interface, pngs) as url:
        client.main(client.Options(url=url, seeds=text, output=str(tmp_path / "a.png")))
    assert asked == seeds


@pytest.mark.parametrize(
    "seeds", [f"{INT64.max + 1}", f"{INT64.min - 1}", "1" * 5_000, "1,,2", "+1", "1_0"]
)
def test_nothing_else_is_a_seed(tmp_path: Path, seeds: str) -> None:
    with pytest.raises(InputError, match=r"must be whole numbers .* and commas, as in 0,1,2$"):
        client.main(client.Options(seeds=seeds, output=str(tmp_path / "a.png")))


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://localhost:99999",
        "http://[::1",
        "grpc://localhost:0",
    ],
)
def test_an_address_has_a_host_and_a_port_that_can_be(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="must be http://HOST:PORT"):
        client.main(client.Options(url=url, output=str(tmp_path / "a.png")))


@both
def test_no_proxy_is_asked_for_what_runs_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interface: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with served(interface, lambda _: [picture()]) as url:
        client.main(client.Options(url=url, output=str(tmp_path / "a.png")))


@pytest.mark.parametrize("output", ["png", ".png", "a.png/"])
def test_the_output_is_no_directory_and_ends_in_png(tmp_path: Path, output: str) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match=r"must be a path that ends in .png|is a directory"):
        client.main(client.Options(output=f"{tmp_path}/{output}"))


def test_the_models_name_stays_whole_in_the_address(mine: Path) -> None:
    asked = []

    def post(handler: Handler) -> None:
        asked.append(handler.path)
        handler.answer(200, body([picture()]))

    with http(post) as url:
        client.main(client.Options(url=url, model="a/b?c#d", output=str(mine)))
    assert asked == ["/v1/models/a%2Fb%3Fc%23d:predict"]
