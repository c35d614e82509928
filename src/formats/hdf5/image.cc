#include "src/formats/hdf5/image.h"

#include <bit>
#include <cstring>

#include "src/base/strings.h"
#include "src/formats/hdf5/checksum.h"

namespace edgeml::hdf5 {

Status Budget::Charge(uint64_t bytes) {
  if (bytes > left_) {
    left_ = 0;
    return Error(Code::kInvalidModel,
                 "its structures overlap or refer to each other in circles; the file is damaged");
  }
  left_ -= bytes;
  return Status::Ok();
}

Result<std::span<const std::byte>> Image::Block(uint64_t address, uint64_t size,
                                                std::string_view what) const {
  const auto block = SubSpan(bytes, address, size);
  if (!block)
    return Error(Code::kInvalidModel, "the ", what, " at address ", address, " of ", size,
                 " bytes does not lie in the file");
  return *block;
}

Status CompareChecksum(std::span<const std::byte> block, std::string_view what) {
  if (block.size() < 4) return Error(Code::kInvalidModel, "the ", what, " has no checksum");
  const size_t size = block.size() - 4;
  if (kCompareChecksums &&
      ByteReader(block.subspan(size)).Read<uint32_t>() != MetadataChecksum(block.first(size)))
    return Error(Code::kInvalidModel, "the checksum of the ", what, " is wrong");
  return Status::Ok();
}

Result<std::span<const std::byte>> Image::SignedBlock(uint64_t address, uint64_t size,
                                                      std::string_view signature, bool checksum,
                                                      Budget& budget) const {
  EDGEML_RETURN_IF_ERROR(budget.Charge(size));
  EDGEML_ASSIGN_OR_RETURN(std::span<const std::byte> block, Block(address, size, signature));
  if (block.size() < signature.size() + (checksum ? 4 : 0) ||
      std::memcmp(block.data(), signature.data(), signature.size()) != 0)
    return Error(Code::kInvalidModel, "there is no ", signature, " block at address ", address);
  if (checksum) {
    EDGEML_RETURN_IF_ERROR(CompareChecksum(block, signature));
    block = block.first(block.size() - 4);
  }
  return block.subspan(signature.size());
}

uint64_t Fields::Uint(int bytes) {
  uint64_t value = 0;
  int shift = 0;
  for (const std::byte b : Take(static_cast<uint64_t>(bytes))) {
    value |= std::to_integer<uint64_t>(b) << shift;
    shift += 8;
  }
  return value;
}

namespace {

uint64_t AllBits(int bytes) { return kNowhere >> (64 - 8 * bytes); }

}  // namespace

uint64_t Fields::Offset() {
  const uint64_t value = Uint(offset_size_);
  return value == AllBits(offset_size_) ? kNowhere : value;
}

uint64_t Fields::Length() { return Uint(length_size_); }

uint64_t Fields::LengthOrUnlimited() {
  const uint64_t value = Uint(length_size_);
  return value == AllBits(length_size_) ? kNowhere : value;
}

int BytesFor(uint64_t value) { return value == 0 ? 1 : (std::bit_width(value) + 7) / 8; }

}  // namespace edgeml::hdf5
