#include "frontend/image/jpeg_segments.h"

#include <algorithm>

namespace lorikeet {
namespace {

constexpr uint8_t kEndOfImage = 0xd9;

// These stand alone: in a scan an escaped 0xff and the markers to synchronise at, and the start of the picture.
bool alone(uint8_t kind) { return kind == 0 || (kind >= 0xd0 && kind <= 0xd8); }

}  // namespace

// More than one 0xff may come before any marker, the first one too.
JpegSegments::JpegSegments(Bytes file) : cursor_(as_text(file).starts_with('\xff') ? file : Bytes()) {}

std::optional<JpegSegment> JpegSegments::next() {
  bool marked = false;  // 0xff came last
  while (const auto byte = cursor_.read<uint8_t>()) {
    const bool is_kind = marked && *byte != 0xff && !alone(*byte);
    marked = *byte == 0xff;
    if (!is_kind) continue;
    if (*byte == kEndOfImage) return std::nullopt;
    const auto length = cursor_.take(2);  // of what follows, and of itself
    if (!length) return std::nullopt;
    const uint64_t rest = std::max(read_number(*length), 2u) - 2;
    return JpegSegment{*byte, *cursor_.take(std::min(rest, cursor_.left()))};
  }
  return std::nullopt;
}

uint32_t read_number(Bytes bytes, bool big_endian) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value = value << 8 | uint32_t(bytes[big_endian ? i : bytes.size() - 1 - i]);
  return value;
}

}  // namespace lorikeet
