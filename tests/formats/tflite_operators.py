"""The operators of a TFLite file. `schema` is the module schema_py_generated, of TensorFlow's package or of LiteRT's."""

from flatbuffers import flexbuffers


def _model(content, schema):
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(content), 0))


def operators(content, schema):
    """The names of the operators of all graphs."""
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    model = _model(content, schema)
    codes = [names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes]
    return [codes[op.opcodeIndex] for graph in model.subgraphs for op in graph.operators]


def custom_operators(content, schema):
    """Name, options, and the types and shapes of the outputs of each custom operator of the first graph."""
    model = _model(content, schema)
    graph = model.subgraphs[0]
    out = []
    for op in graph.operators:
        code = model.operatorCodes[op.opcodeIndex]
        if code.customCode is None:
            continue
        tensors = [graph.tensors[t] for t in op.outputs]
        shapes = [t.shape if t.shapeSignature is None else t.shapeSignature for t in tensors]
        out.append([code.customCode.decode(), flexbuffers.Loads(bytes(op.customOptions)), [t.type for t in tensors],
                    [[int(d) for d in shape] for shape in shapes]])
    return out
