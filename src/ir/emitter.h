// A GraphBuilder for code that writes down many nodes: the first error sticks, what follows does
// nothing, and one check at the end is enough.
#ifndef EDGEML_IR_EMITTER_H_
#define EDGEML_IR_EMITTER_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/status.h"
#include "src/ir/builder.h"

namespace edgeml::ir {

class Emitter {
 public:
  explicit Emitter(GraphBuilder& builder) : b_(builder) {}

  GraphBuilder& builder() { return b_; }
  const Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  void Fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  // Names of the values made from now on: this, "name_1", …; the caller renames the last one.
  void SetPrefix(std::string prefix) {
    prefix_ = std::move(prefix);
    count_ = 0;
  }

  // A node with one output; kNoValue after an error.
  int32_t Op(OpCode op, std::vector<int32_t> inputs, Attributes attributes = {},
             DType type = DType::kInvalid);
  std::vector<int32_t> Ops(OpCode op, std::vector<int32_t> inputs, Attributes attributes,
                           size_t outputs, DType type = DType::kInvalid);

  // Of kNoValue: a scalar.
  const Shape& shape(int32_t v) const;
  int rank(int32_t v) const { return shape(v).rank(); }
  DType type(int32_t v) const { return v == kNoValue ? DType::kInvalid : b_.type(v); }

  int32_t Float(float value) { return b_.AddFloat(value); }
  int32_t Floats(const Shape& shape, std::span<const float> values, std::string name = {});
  int32_t Ints(std::span<const int32_t> values) { return b_.AddInts(values); }
  int32_t Ints(std::initializer_list<int32_t> values) { return b_.AddInts(values); }

  int32_t Add(int32_t a, int32_t b) { return Op(OpCode::kAdd, {a, b}); }
  int32_t Sub(int32_t a, int32_t b) { return Op(OpCode::kSub, {a, b}); }
  int32_t Mul(int32_t a, int32_t b) { return Op(OpCode::kMul, {a, b}); }
  int32_t Div(int32_t a, int32_t b) { return Op(OpCode::kDiv, {a, b}); }
  int32_t Maximum(int32_t a, int32_t b) { return Op(OpCode::kMaximum, {a, b}); }
  int32_t Minimum(int32_t a, int32_t b) { return Op(OpCode::kMinimum, {a, b}); }
  // To these dimensions; one may be kUnknownDim, "what is left". Nothing when the shape is settled
  // and the same.
  int32_t Reshape(int32_t x, const Shape& shape);
  // The same shape but for dimension `axis` taken out (of size 1) or put in.
  int32_t Squeeze(int32_t x, int axis);
  int32_t ExpandDims(int32_t x, int axis);
  // Nothing when the order is the identity.
  int32_t Transpose(int32_t x, std::span<const int32_t> order);
  int32_t Transpose(int32_t x, std::initializer_list<int32_t> order) {
    return Transpose(x, std::span(order.begin(), order.size()));
  }
  // MEAN, SUM, REDUCE_MAX … over `axes`.
  int32_t Reduce(OpCode op, int32_t x, std::span<const int32_t> axes, bool keep_dims);
  // With zeros, or with `value`: before and after of each dimension.
  int32_t Pad(int32_t x, std::span<const std::pair<int32_t, int32_t>> amounts, float value = 0);
  int32_t Concatenate(std::vector<int32_t> parts, int axis);
  // Elements begin (inclusive) to end (exclusive) of dimension `axis`; end < 0: to the last.
  int32_t SliceAxis(int32_t x, int axis, int32_t begin, int32_t end);
  int32_t Cast(int32_t x, DType type);
  // int32 [rank]: the shape of x, with `changes` (dimension, size) made; a constant when settled.
  int32_t ShapeWith(int32_t x, std::span<const std::pair<int, int32_t>> changes);

 private:
  std::string NextName();

  GraphBuilder& b_;
  Status status_;
  std::string prefix_;
  int count_ = 0;
};

}  // namespace edgeml::ir

#endif  // EDGEML_IR_EMITTER_H_
