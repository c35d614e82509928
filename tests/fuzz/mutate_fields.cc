// MutateFields: walks the tables of a model by the type tables that flatc generates.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "flatbuffers/minireflect.h"
#include "tests/fuzz/mutate_model.h"
#include "tflite_generated.h"

namespace edgeml::fuzz {
namespace {

// A scalar, or a vector of them.
struct Spot {
  uint8_t* first;
  flatbuffers::ElementaryType type;
  size_t count;
};

class Walker {
 public:
  void Table(uint8_t* table, const flatbuffers::TypeTable& type) {
    if (++tables_ > kMostTables) return;
    uint8_t* previous = nullptr;  // a union's value follows its type
    for (size_t i = 0; i < type.num_elems; ++i) {
      const auto slot = flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i));
      uint8_t* const field = reinterpret_cast<flatbuffers::Table*>(table)->GetAddressOf(slot);
      if (field != nullptr) Field(field, type.type_codes[i], type, previous);
      previous = field;
    }
  }

  std::vector<Spot> spots, options;  // of all tables; of operators' options

 private:
  static constexpr int kMostTables = 100'000;

  static uint8_t* Follow(uint8_t* offset) {
    return offset + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(offset);
  }

  void Field(uint8_t* field, const flatbuffers::TypeCode& code, const flatbuffers::TypeTable& type,
             const uint8_t* previous) {
    const auto base = static_cast<flatbuffers::ElementaryType>(code.base_type);
    const flatbuffers::TypeTable* ref =
        code.sequence_ref >= 0 ? type.type_refs[code.sequence_ref]() : nullptr;
    if (base == flatbuffers::ET_UTYPE || base == flatbuffers::ET_STRING) return;
    if (code.is_repeating != 0) {
      uint8_t* const vector = Follow(field);
      const size_t count = flatbuffers::ReadScalar<flatbuffers::uoffset_t>(vector);
      uint8_t* const first = vector + sizeof(flatbuffers::uoffset_t);
      if (base != flatbuffers::ET_SEQUENCE) {
        if (count > 0) Add({first, base, count});
      } else if (ref != nullptr && ref->st == flatbuffers::ST_TABLE) {
        for (size_t i = 0; i < count; ++i)
          Table(Follow(first + i * sizeof(flatbuffers::uoffset_t)), *ref);
      }
      return;
    }
    if (base != flatbuffers::ET_SEQUENCE) return Add({field, base, 1});
    if (ref == nullptr) return;
    if (ref->st == flatbuffers::ST_TABLE) return Table(Follow(field), *ref);
    if (ref->st != flatbuffers::ST_UNION || previous == nullptr || *previous >= ref->num_elems)
      return;
    const flatbuffers::TypeCode& member = ref->type_codes[*previous];
    // The verifier lets a value pass whose type is NONE, which refers to no table.
    if (member.base_type != flatbuffers::ET_SEQUENCE || member.sequence_ref < 0) return;
    const bool nested = in_union_;
    in_union_ = true;
    Table(Follow(field), *ref->type_refs[member.sequence_ref]());
    in_union_ = nested;
  }

  void Add(const Spot& spot) {
    spots.push_back(spot);
    if (in_union_) options.push_back(spot);
  }

  bool in_union_ = false;
  int tables_ = 0;
};

size_t WidthOf(flatbuffers::ElementaryType type) { return flatbuffers::InlineSize(type, nullptr); }

void Change(const Spot& spot, Dice& dice) {
  uint8_t* const at = spot.first + dice.Below(spot.count) * WidthOf(spot.type);
  const auto change = [&]<typename T>(T value) {
    std::memcpy(&value, at, sizeof value);
    if constexpr (std::is_floating_point_v<T>) {
      value = dice.OneIn(4) ? -value : static_cast<T>(dice.Pick(kFloats));
    } else if (dice.OneIn(4)) {
      value = static_cast<T>(dice.Bits());
    } else if (dice.OneIn(3)) {  // an index, a count, an enumerator: the neighbours
      value = static_cast<T>(static_cast<uint64_t>(value) + dice.Below(9) - 4);
    } else {
      value = static_cast<T>(dice.Pick(kIntegers));
    }
    std::memcpy(at, &value, sizeof value);
  };
  switch (spot.type) {
    case flatbuffers::ET_FLOAT:
      return change(0.0f);
    case flatbuffers::ET_DOUBLE:
      return change(0.0);
    case flatbuffers::ET_BOOL:
      *at ^= 1;
      return;
    default:
      break;
  }
  switch (WidthOf(spot.type)) {
    case 1:
      return change(uint8_t{});
    case 2:
      return change(uint16_t{});
    case 4:
      return change(uint32_t{});
    default:
      return change(uint64_t{});
  }
}

}  // namespace

bool IsAligned(std::span<const uint8_t> file) {
  Walker walker;
  // It takes addresses only.
  auto* const begin = const_cast<uint8_t*>(file.data());
  walker.Table(begin + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(begin),
               *fb::ModelTypeTable());
  return std::all_of(walker.spots.begin(), walker.spots.end(), [](const Spot& spot) {
    return reinterpret_cast<uintptr_t>(spot.first) % WidthOf(spot.type) == 0;
  });
}

void MutateFields(std::span<uint8_t> file, size_t count, Dice& dice) {
  flatbuffers::Verifier verifier(file.data(), file.size(), 64, 100'000);
  if (!fb::VerifyModelBuffer(verifier)) return;
  Walker walker;
  walker.Table(file.data() + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(file.data()),
               *fb::ModelTypeTable());
  for (; count > 0; --count) {
    auto& from = !walker.options.empty() && dice.OneIn(2) ? walker.options : walker.spots;
    if (!from.empty()) Change(dice.Pick(from), dice);
  }
}

}  // namespace edgeml::fuzz
