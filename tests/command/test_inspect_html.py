"""The page of `edgeml inspect --html`: that it needs nothing else, holds what --json says, and that a browser draws it."""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from tflite_builder import Graph, Op, Q, T, build  # noqa: E402

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome", "chrome")
                if (found := shutil.which(name))), None)

HOSTILE = ["</script><script>document.title='owned'</script>", "<img src=x onerror=\"document.title='owned'\">",
           "<!--<script>", "]]>&lt;b&gt;&amp;amp;", "\u202egnp.exe\u2028\u2029\x00\x01\x7f", "';alert(1)//\\u003c", "${7*7}{{7*7}}",
           "x" * 5000]


class Page(html.parser.HTMLParser):
    """Elements with their attributes, and the text of scripts by type."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.inside = [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.inside = dict(attrs).get("type", "")
            self.scripts.append((self.inside, ""))

    def handle_endtag(self, tag):
        if tag == "script":
            self.inside = None

    def handle_data(self, data):
        if self.inside is not None:
            kind, text = self.scripts[-1]
            self.scripts[-1] = kind, text + data

    def data(self):
        return json.loads(next(text for kind, text in self.scripts if kind == "application/json"))


def without_constants(data):
    """The page's object without what only the page has: what the constants hold."""
    for graph in [data, *data["other_graphs"]]:
        for tensor in graph["tensors"]:
            tensor.pop("statistics", None)
            tensor.pop("values", None)
    return data


def browse(page, state="", size="1400,900"):
    """The DOM of the page after its scripts have run; `state` is what follows # in the address."""
    if BROWSER is None:
        warnings.warn("NO CHROMIUM on PATH: what a browser makes of the page is NOT TESTED", stacklevel=2)
        pytest.skip("no Chromium on PATH: what a browser makes of the page is NOT TESTED; install the package chromium")
    done = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--window-size={size}",
                           "--virtual-time-budget=10000", "--dump-dom", f"{page.as_uri()}#{state}"],
                          capture_output=True, timeout=180, check=True)
    errors = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    assert not errors, errors
    return done.stdout.decode(errors="surrogateescape")


def classes(dom, tag="g"):
    return [attrs.get("class", "").split() for t, attrs in dom.elements if t == tag]


def write(folder, graphs, name="m.tflite", **more):
    (folder / name).write_bytes(build(graphs, **more))
    return folder / name


@pytest.fixture
def page_of(edgeml, tmp_path):
    """Path of the page, its text, and the object of --json."""
    def make(model, **more):
        path = tmp_path / "page.html"
        data = edgeml("inspect", model, "--html", path, as_json=True, **more)
        return path, path.read_text(), data
    return make


def big_model(folder, nodes):
    """A chain with branches, joins and connections over long distances."""
    rng = np.random.default_rng(0)
    x = T([1, 8], name="input")
    values, ops = [x], []
    for i in range(nodes):
        far = values[int(rng.integers(max(0, len(values) - 400), len(values)))] if i % 50 == 0 else values[-1 - i % 3 % len(values)]
        y = T([1, 8], name=f"layer_{i}/add")
        ops.append(Op("ADD", [values[-1], far], [y], ("AddOptions", {})) if i % 4 else Op("RELU", [values[-1]], [y]))
        values.append(y)
    return write(folder, [Graph(ops, [x], [values[-1]])])


def hostile_model(folder):
    x = T([1, 4], name=HOSTILE[0])
    value, ops = x, []
    for name in HOSTILE[1:]:
        weight = T([1, 4], "f32", None, np.float32([[0.5, -1, np.nan, np.inf]]), const=True, name=name + "w")
        y = T([1, 4], name=name)
        ops.append(Op("ADD", [value, weight], [y], ("AddOptions", {})))
        value = y
    y = T([1, 4], name="y")
    ops.append(Op("</script><b>op", [value], [y], custom=b""))
    return write(folder, [Graph(ops, [x], [y], name=HOSTILE[0])], signatures=[(HOSTILE[1], 0, {HOSTILE[0]: x}, {HOSTILE[2]: y})])


def loop_model(folder):
    """Graph 0 calls 1 (condition) and 2 (body); 3 is called by the body."""
    def ports(count):
        return [T([1], "i32") for _ in range(count)]
    (c,), (go,) = ports(1), [T([1], "bool")]
    top = T([1], "i32", None, np.int32([5]), const=True)
    condition = Graph([Op("LESS", [c, top], [go], ("LessOptions", {}))], [c], [go], "condition")
    a, after = ports(2)
    flag = T([1], "bool", None, np.array([True]), const=True)
    body = Graph([Op("IF", [flag, a], [after], ("IfOptions", {"thenSubgraphIndex": 3, "elseSubgraphIndex": 3}))], [a], [after], "body")
    b, more = ports(2)
    one = T([1], "i32", None, np.int32([1]), const=True)
    branch = Graph([Op("ADD", [b, one], [more], ("AddOptions", {}))], [b], [more], "branch")
    x, y = ports(2)
    main = Graph([Op("WHILE", [x], [y], ("WhileOptions", {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}))], [x], [y])
    return write(folder, [main, condition, body, branch])


def test_needs_nothing_else(page_of, models):
    _, text, _ = page_of(models / "digits_int8.tflite")
    page = Page(text)
    for tag, attrs in page.elements:
        assert not {"src", "srcset", "data", "action", "formaction"} & set(attrs), (tag, attrs)
        assert tag not in ("link", "iframe", "object", "embed", "img", "base"), (tag, attrs)
        assert not any(name.startswith("on") for name in attrs), (tag, attrs)
    assert "default-src 'none'" in next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    style = text[text.index("<style>"):text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    ours = "".join(script for kind, script in page.scripts if kind == "")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch(", "XMLHttp", "import("):
        assert word not in ours, word
    assert set(re.findall(r"https?://[^\"' )]+", ours)) == {"http://www.w3.org/2000/svg"}


def test_holds_what_json_says(page_of, models):
    path, text, data = page_of(models / "digits_int8.tflite")
    embedded = Page(text).data()
    constants = [t for t in embedded["tensors"] if t.get("constant")]
    assert constants and all("statistics" in t for t in constants)
    assert data.pop("html") == str(path)
    assert without_constants(embedded) == data
    assert all(node["kernel"] and isinstance(node["declined"], list) for node in data["nodes"])
    convolution = next(node for node in data["nodes"] if node["op"] == "CONV_2D")
    assert convolution["attribute_values"]["window"] in ("SAME", "VALID") and convolution["attribute_values"]["dilation"] == "1x1"
    assert [t["index"] for t in data["tensors"]] == list(range(len(data["tensors"])))


def test_statistics_of_constants(page_of, tmp_path):
    rng = np.random.default_rng(0)
    floats = rng.normal(size=(3, 70000)).astype(np.float32)
    floats[0, :5], floats[1, 0], floats[2, 0] = 0, np.nan, -np.inf
    stored = rng.integers(-128, 128, (3, 4)).astype(np.int8)
    scales, points = np.float32([0.5, 0.25, 2]), [3, 0, -7]
    nibbles = rng.integers(-8, 8, (9,)).astype(np.int8)
    constants = [T(floats.shape, "f32", None, floats, const=True, name="floats"),
                 T(stored.shape, "i8", Q(scales, points, 0), stored, const=True, name="channels"),
                 T(nibbles.shape, "i4", Q(0.5, 0), nibbles, const=True, name="nibbles")]
    x = T([1], name="x")
    y = T([1], name="y")
    graph = Graph([Op("RELU", [x], [y])], [x], [y, *constants])
    _, text, _ = page_of(write(tmp_path, [graph]))
    tensors = {t["name"]: t for t in Page(text).data()["tensors"]}

    real = (stored.astype(np.float64) - np.array(points)[:, None]) * scales[:, None]
    for name, values in (("floats", floats.ravel()), ("channels", real.ravel()), ("nibbles", nibbles * 0.5)):
        s = tensors[name]["statistics"]
        finite = values[np.isfinite(values)].astype(np.float64)
        assert (s["count"], s["not_finite"], s["zeros"]) == (values.size, values.size - finite.size, int((finite == 0).sum()))
        assert s["min"] == finite.min() and s["max"] == finite.max()
        assert s["mean"] == pytest.approx(finite.mean(), abs=1e-9) and s["std"] == pytest.approx(finite.std(), rel=1e-9)
        counts, _ = np.histogram(finite, 32, (finite.min(), finite.max()))
        assert sum(s["histogram"]) == finite.size and np.abs(np.subtract(s["histogram"], counts)).max() <= 2
    assert tensors["channels"]["values"] == pytest.approx(real.ravel())
    assert "values" not in tensors["floats"]


def test_hostile_names_stay_text(page_of, tmp_path, edgeml):
    model = hostile_model(tmp_path)
    path = tmp_path / "page.html"
    edgeml("inspect", model, "--html", path, code=4)  # the custom operator cannot run; the page is there all the same
    text = path.read_text()
    plain = Page((edgeml("inspect", loop_model(tmp_path), "--html", tmp_path / "plain.html"), (tmp_path / "plain.html").read_text())[1])
    page = Page(text)
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    data = page.data()
    names = {t["name"] for t in data["tensors"]}
    assert names >= {name for name in HOSTILE}
    assert "</script><b>op" in data["problem"] and data["nodes"][-1]["op"] == "</script><b>op"
    assert "<" not in next(text for kind, text in page.scripts if kind == "application/json")


def test_a_browser_shows_hostile_names_as_text(tmp_path, edgeml):
    model = hostile_model(tmp_path)
    path = tmp_path / "page.html"
    edgeml("inspect", model, "--html", path, code=4)
    for state in ("", "node=0", "tensor=1", "view=nodes", f"node={len(HOSTILE) - 1}"):
        dom = Page(browse(path, state))
        tags = {tag for tag, _ in dom.elements}
        assert not tags & {"img", "b"} and sum(tag == "script" for tag, _ in dom.elements) == len(dom.scripts) == 9, state
    assert "owned" not in re.search("<title>.*?</title>", browse(path))[0]


def test_a_browser_draws_the_graph(page_of, models):
    path, _, data = page_of(models / "digits_int8.tflite")
    dom = Page(browse(path, "node=0"))
    listed = [attrs["data-node"] for tag, attrs in dom.elements if tag == "button" and "data-node" in attrs]
    assert listed == [str(node["index"]) for node in data["nodes"]]
    boxes = [c for c in classes(dom) if "box" in c]
    assert len(boxes) == len(data["nodes"]) + len(data["inputs"]) + len(data["outputs"])
    assert sum("selected" in c for c in boxes) == 1
    assert next(a for t, a in dom.elements if a.get("aria-current"))["data-node"] == "0"


def test_a_browser_draws_the_arena(page_of, models):
    path, _, data = page_of(models / "digits_float.tflite")
    dom = Page(browse(path, "view=memory&theme=dark"))
    rectangles = [c for c in classes(dom, "rect") if "tensor" in c]
    assert len(rectangles) == len(data["plan"])
    assert {"bound", "plan", "used"} <= {c for cs in classes(dom, "path") if "level" in cs for c in cs}
    assert next(a for t, a in dom.elements if t == "html")["data-theme"] == "dark"


def test_a_browser_reaches_every_graph(page_of, tmp_path):
    path, _, data = page_of(loop_model(tmp_path))
    assert [g["subgraph"] for g in data["other_graphs"]] == [1, 2, 3]
    for number, graph in enumerate([data, *data["other_graphs"]]):
        assert graph["problem"] is None
        text = browse(path, f"graph={number}&node=0")
        dom = Page(text)
        assert sum("box" in c for c in classes(dom)) == len(graph["nodes"]) + len(graph["inputs"]) + len(graph["outputs"])
        assert graph["nodes"][0]["op"] in text
        options = [a["value"] for t, a in dom.elements if t == "option"]
        assert options == ["0", "1", "2", "3"]


SEARCHES = {
    "op:relu": lambda op, names: op == "RELU",
    "layer_77/": lambda op, names: "layer_77/" in names,
    "shape:[1,8] op:ADD": lambda op, names: op == "ADD",
    "1x8 float32 add layer_998/": lambda op, names: "layer_998/" in names,
    "dtype:int8": lambda op, names: False,
}


@pytest.mark.parametrize("query", SEARCHES)
def test_a_browser_searches_a_thousand_nodes(page_of, tmp_path, query):
    path, _, data = page_of(big_model(tmp_path, 1000))
    assert len(data["nodes"]) == 1000
    names = [" ".join(data["tensors"][t]["name"] for t in node["inputs"] + node["outputs"]) for node in data["nodes"]]
    found = sum(SEARCHES[query](node["op"], text) for node, text in zip(data["nodes"], names))
    text = browse(path, f"search={query}")
    dom = Page(text)
    assert sum("data-node" in a for _, a in dom.elements) == found
    assert f"{found} of 1,000 nodes" in text
    # Only what is near the visible part is drawn.
    assert 0 < sum("box" in c for c in classes(dom)) < 200
    # Laid out and drawn: milliseconds, loosely bounded, since other tests run at the same time.
    assert int(next(a for t, a in dom.elements if t == "html")["data-ready"]) < 20000


def act(page, script):
    """What `script`, the body of an async function with helpers at hand, returns when run in the page."""
    helpers = """
        const press = (key, target = document.activeElement) => target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
        const click = (element) => element.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
        const one = (selector) => document.querySelector(selector);
        const address = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    """
    text = page.read_text().replace("</body>", "<script>(async () => {" + helpers + "document.documentElement.dataset.result ="
                                    " JSON.stringify(await (async () => {" + script + "})()); })();</script></body>")
    page.with_name("act.html").write_text(text)
    dom = Page(browse(page.with_name("act.html")))
    return json.loads(next(a for t, a in dom.elements if t == "html")["data-result"])


def test_keys_and_clicks(page_of, models):
    path, _, data = page_of(models / "digits_int8.tflite")
    out = act(path, """
        const seen = [];
        one("#graph").focus();
        for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "j", "m", "g", "Escape"]) { press(key); seen.push(address()); }
        click(one('.box[data-vertex="3"]'));
        seen.push(address());
        const fold = one("#details details");
        fold.open = true;
        await new Promise((done) => setTimeout(done, 50));
        const search = one("#search");
        search.value = "op:conv_2d";
        search.dispatchEvent(new Event("input"));
        press("Enter", search);
        seen.push(address());
        press("Enter", search);
        seen.push(address());
        const before = one(".picture").getAttribute("width");
        one("#graph").focus();
        press("+");
        return {seen, fold: fold.textContent, wider: one(".picture").getAttribute("width") / before, heading: one("#details h2").textContent};
    """)
    convolutions = [n["index"] for n in data["nodes"] if n["op"] == "CONV_2D"]
    after = [n for n in convolutions if n > 2]
    search = {"search": "op:conv_2d"}
    assert out["seen"] == [{"node": "0"}, {"node": "1"}, {"node": "0"}, {"node": "1"}, {"node": "1", "view": "memory"}, {"node": "1"}, {},
                           {"node": "2"}, {"node": str(after[0]), **search}, {"node": str((after + convolutions)[1]), **search}]
    assert "quantization" in out["fold"] and "in the arena" in out["fold"]
    assert out["wider"] == pytest.approx(1.25, rel=0.01)
    assert out["heading"].startswith("CONV_2D")
