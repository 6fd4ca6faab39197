// Internal: the parts that a JPEG file is a list of.
#pragma once

#include <cstdint>
#include <optional>

#include "frontend/checkpoint/cursor.h"

namespace lorikeet {

struct JpegSegment {
  uint8_t kind = 0;  // the byte after 0xff
  Bytes content;     // less than it should be where the file ends too early
};

// Walks the segments, also those between scans, up to the end of the picture. Of what is no JPEG there are none.
class JpegSegments {
 public:
  explicit JpegSegments(Bytes file);
  std::optional<JpegSegment> next();

 private:
  Cursor cursor_;
};

// A big-endian number; TIFF has both orders.
uint32_t read_number(Bytes bytes, bool big_endian = true);

}  // namespace lorikeet
