// The directory of a ZIP file (ZIP64 too) whose entries are stored, not compressed, so that they can be used in place.
#pragma once

#include <string>
#include <vector>

#include "frontend/checkpoint/cursor.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct ZipEntry {
  std::string name;
  Bytes bytes;  // its content, within the given bytes
};

// Errors: corrupt; unsupported for compressed or encrypted entries. `file` is for the messages.
Result<std::vector<ZipEntry>> parse_zip(Bytes bytes, const std::string& file);

}  // namespace lorikeet
