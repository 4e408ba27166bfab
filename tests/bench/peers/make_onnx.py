#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns a packed ternary model (two outer norms a block, no inner ones) into ONNX for onnxruntime.

The very weights of our file, so outputs can be compared and not only times:
  fp32  every layer a float MatMul
  int8  block layers and head as dynamic quantization leaves them: DynamicQuantizeLinear,
        MatMulInteger, scale, bias (ternary weights survive int8 exactly); the rest float

usage: make_onnx.py MODEL.safetensors fp32=OUT.onnx int8=OUT.onnx
"""
import json
import struct
import sys

import numpy as np
from onnx import TensorProto, helper


class Model:
    """Tensors of a vit158 file as numpy arrays; ternary ones as (int8 [n_out, n_in], scale)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            header_bytes = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(header_bytes))
            self.data = file.read()
        self.meta = header.pop("__metadata__")
        self.header = header
        self.encodings = json.loads(self.meta["encodings"])

    def floats(self, name):
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        kind = {"F32": np.float32, "F16": np.float16}[entry["dtype"]]
        values = np.frombuffer(self.data[begin:end], kind).astype(np.float32)
        return values.reshape(entry["shape"])

    def trits(self, layer):
        encoding = self.encodings[layer + ".weight"]
        n_in, n_out = encoding["n_in"], encoding["n_out"]
        begin, end = self.header[layer + ".weight"]["data_offsets"]
        stored = np.frombuffer(self.data[begin:end], np.uint8)
        groups = (n_in + 4) // 5
        codes = np.empty((n_out, groups), np.int32)
        at = 0
        for first in range(0, groups, 4):  # blocks of four groups, [n_out][groups]
            count = min(4, groups - first)
            block = stored[at : at + n_out * count].reshape(n_out, count)
            codes[:, first : first + count] = block
            at += n_out * count
        digits = codes[:, :, None] // 3 ** np.arange(5) % 3 - 1
        return digits.reshape(n_out, groups * 5)[:, :n_in].astype(np.int8), self.floats(layer + ".scale")


class Graph:
    def __init__(self, model, int8):
        self.model, self.int8 = model, int8
        self.nodes, self.constants, self.count = [], {}, 0
        self.dim, self.heads = int(model.meta["dim"]), int(model.meta["heads"])
        self.side, self.patch = int(model.meta["image_size"]), int(model.meta["patch_size"])
        self.tokens = (self.side // self.patch) ** 2 + 1

    def add(self, kind, inputs, outputs=1, domain="", **attributes):
        self.count += 1
        names = [f"{kind}.{self.count}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, name, array):
        array = np.asarray(array, order="C")
        types = {"float32": TensorProto.FLOAT, "int8": TensorProto.INT8, "int64": TensorProto.INT64}
        self.constants[name] = helper.make_tensor(
            name, types[array.dtype.name], array.shape, array.tobytes(), raw=True)
        return name

    def tensor(self, name):
        return self.constant(name, self.model.floats(name))

    def norm(self, x, name):
        inputs = [x, self.tensor(name + ".weight"), self.tensor(name + ".bias")]
        return self.add("LayerNormalization", inputs, axis=-1, epsilon=float(self.model.meta["norm_eps"]))

    def linear(self, x, name):
        ternary = name + ".weight" in self.model.encodings and \
            self.model.encodings[name + ".weight"]["type"] == "trit"
        if ternary:
            trits, scale = self.model.trits(name)
            weights = trits.T.astype(np.float32) * scale
            integers, step = trits.T * np.int8(127), scale / 127
        else:
            weights = self.model.floats(name + ".weight").T
            step = np.abs(weights).max(keepdims=True).reshape(1) / 127
            integers = np.rint(weights / step).astype(np.int8)
        if self.int8:
            q, q_scale, q_zero = self.add("DynamicQuantizeLinear", [x], 3)
            product = self.add("MatMulInteger", [
                q, self.constant(name + ".q", integers), q_zero,
                self.constant(name + ".zero", np.zeros((), np.int8))])
            both = self.add("Mul", [q_scale, self.constant(name + ".step", step.astype(np.float32))])
            y = self.add("Mul", [self.add("Cast", [product], to=TensorProto.FLOAT), both])
        else:
            y = self.add("MatMul", [x, self.constant(name + ".w", weights)])
        return self.add("Add", [y, self.tensor(name + ".bias")])

    def attention(self, x, block):
        d, h, n = self.dim, self.heads, self.tokens
        split = self.constant("thirds", np.array([d, d, d], np.int64))
        shape = self.constant("heads", np.array([1, n, h, d // h], np.int64))
        parts = self.add("Split", [self.linear(x, block + ".attn.qkv"), split], 3, axis=2)
        orders = [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]]
        q, k, v = [self.add("Transpose", [self.add("Reshape", [part, shape])], perm=order)
                   for part, order in zip(parts, orders)]
        factor = self.constant("factor", np.array((d // h) ** -0.5, np.float32))
        scores = self.add("Mul", [self.add("MatMul", [q, k]), factor])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), v])
        joined = self.add("Transpose", [mixed], perm=[0, 2, 1, 3])
        flat = self.constant("flat", np.array([1, n, d], np.int64))
        return self.linear(self.add("Reshape", [joined, flat]), block + ".attn.proj")

    def build(self):
        d, n = self.dim, self.tokens
        patches = self.add("Conv", ["pixels", self.tensor("patch_embed.proj.weight"),
                                    self.tensor("patch_embed.proj.bias")],
                           strides=[self.patch] * 2, kernel_shape=[self.patch] * 2)
        rows = self.constant("rows", np.array([1, d, n - 1], np.int64))
        x = self.add("Transpose", [self.add("Reshape", [patches, rows])], perm=[0, 2, 1])
        cls = self.constant("cls", self.model.floats("cls_token").reshape(1, 1, d))
        pos = self.constant("pos", self.model.floats("pos_embed").reshape(1, n, d))
        x = self.add("Add", [self.add("Concat", [cls, x], axis=1), pos])
        for i in range(int(self.model.meta["depth"])):
            block = f"blocks.{i}"
            x = self.add("Add", [x, self.attention(self.norm(x, block + ".norm1"), block)])
            hidden = self.linear(self.norm(x, block + ".norm2"), block + ".mlp.fc1")
            hidden = self.add("Gelu", [hidden], domain="com.microsoft")
            x = self.add("Add", [x, self.linear(hidden, block + ".mlp.fc2")])
        first = self.constant("first", np.array(0, np.int64))
        token = self.add("Gather", [self.norm(x, "norm"), first], axis=1)
        self.nodes.append(helper.make_node("Identity", [self.linear(token, "head")], ["logits"]))
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, self.side, self.side])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, int(self.model.meta["classes"])])
        graph = helper.make_graph(self.nodes, "vit", [pixels], [logits], list(self.constants.values()))
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        result = helper.make_model(graph, opset_imports=opsets)
        result.ir_version = 8
        return result


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    model = Model(sys.argv[1])
    for target in sys.argv[2:]:
        precision, path = target.split("=", 1)
        with open(path, "wb") as file:
            file.write(Graph(model, {"fp32": False, "int8": True}[precision]).build().SerializeToString())


main()
