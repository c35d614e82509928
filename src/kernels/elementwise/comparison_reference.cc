#include "src/kernels/elementwise/comparison.h"

#include "src/tensor/half.h"

namespace edgeml::kernels {
namespace {

template <typename T, typename Map>
void Run(CompareOp op, const BroadcastPlan& plan, const void* a, const void* b, uint8_t* out,
         Map map_a, Map map_b) {
  const T* pa = static_cast<const T*>(a);
  const T* pb = static_cast<const T*>(b);
  switch (op) {
    case CompareOp::kEqual:
      return BinaryLoop(plan, pa, pb, out, [&](T x, T y) { return map_a(x) == map_b(y); });
    case CompareOp::kNotEqual:
      return BinaryLoop(plan, pa, pb, out, [&](T x, T y) { return map_a(x) != map_b(y); });
    case CompareOp::kLess:
      return BinaryLoop(plan, pa, pb, out, [&](T x, T y) { return map_a(x) < map_b(y); });
    case CompareOp::kLessEqual:
      return BinaryLoop(plan, pa, pb, out, [&](T x, T y) { return map_a(x) <= map_b(y); });
  }
}

struct Identity {
  template <typename T>
  T operator()(T x) const {
    return x;
  }
};

struct Rescale {
  int32_t zero_point;
  FixedPointMultiplier multiplier;
  int32_t operator()(int32_t x) const {
    return MultiplyByFixedPoint((x - zero_point) * 256, multiplier);
  }
};

template <typename T>
void SelectTyped(const BroadcastPlan& plan, const uint8_t* condition, const void* x, const void* y,
                 void* out) {
  const int64_t n = plan.inner();
  const int64_t step_c = plan.inner_stride(0), step_x = plan.inner_stride(1),
                step_y = plan.inner_stride(2);
  ForEachRow(plan, [&](const std::array<int64_t, kMaxBroadcastInputs>& offset, int64_t to) {
    const uint8_t* pc = condition + offset[0];
    const T* px = static_cast<const T*>(x) + offset[1];
    const T* py = static_cast<const T*>(y) + offset[2];
    T* po = static_cast<T*>(out) + to;
    for (int64_t i = 0; i < n; ++i) po[i] = pc[i * step_c] != 0 ? px[i * step_x] : py[i * step_y];
  });
}

}  // namespace

void Compare(DType type, CompareOp op, const BroadcastPlan& plan, const void* a, const void* b,
             uint8_t* out) {
  const Identity id;
  const auto to_float = [](float x) { return x; };
  switch (type) {
    case DType::kFloat32:
      return Run<float>(op, plan, a, b, out, id, id);
    case DType::kFloat16:
      return Run<Half>(op, plan, a, b, out, to_float, to_float);
    case DType::kBFloat16:
      return Run<BFloat16>(op, plan, a, b, out, to_float, to_float);
    case DType::kInt8:
      return Run<int8_t>(op, plan, a, b, out, id, id);
    case DType::kUInt8:
    case DType::kBool:
      return Run<uint8_t>(op, plan, a, b, out, id, id);
    case DType::kInt16:
      return Run<int16_t>(op, plan, a, b, out, id, id);
    case DType::kInt32:
      return Run<int32_t>(op, plan, a, b, out, id, id);
    case DType::kInt64:
      return Run<int64_t>(op, plan, a, b, out, id, id);
    default:
      return;
  }
}

void CompareQuantized(DType type, CompareOp op, const BroadcastPlan& plan, const void* a,
                      const void* b, const QuantizedCompareParams& p, uint8_t* out) {
  const Rescale map_a{p.zero_point_a, p.multiplier_a}, map_b{p.zero_point_b, p.multiplier_b};
  switch (type) {
    case DType::kInt8:
      return Run<int8_t>(op, plan, a, b, out, map_a, map_b);
    case DType::kUInt8:
      return Run<uint8_t>(op, plan, a, b, out, map_a, map_b);
    case DType::kInt16:
      return Run<int16_t>(op, plan, a, b, out, map_a, map_b);
    default:
      return;
  }
}

void LogicalAnd(const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b, uint8_t* out) {
  BinaryLoop(plan, a, b, out, [](uint8_t x, uint8_t y) { return x != 0 && y != 0; });
}

void LogicalOr(const BroadcastPlan& plan, const uint8_t* a, const uint8_t* b, uint8_t* out) {
  BinaryLoop(plan, a, b, out, [](uint8_t x, uint8_t y) { return x != 0 || y != 0; });
}

void Select(const BroadcastPlan& plan, int element_bytes, const uint8_t* condition, const void* x,
            const void* y, void* out) {
  switch (element_bytes) {
    case 1:
      return SelectTyped<uint8_t>(plan, condition, x, y, out);
    case 2:
      return SelectTyped<uint16_t>(plan, condition, x, y, out);
    case 4:
      return SelectTyped<uint32_t>(plan, condition, x, y, out);
    case 8:
      return SelectTyped<uint64_t>(plan, condition, x, y, out);
    default:
      return;
  }
}

}  // namespace edgeml::kernels
