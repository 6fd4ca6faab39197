// Packing of a matrix from file bytes, as plain data: the weight loader stages each chunk of rows and runs its
// dispatch.
#pragma once

#include <vector>

#include "runtime/base/device_profile.h"
#include "runtime/base/dtype.h"
#include "runtime/base/result.h"
#include "runtime/graph/op.h"

namespace lorikeet {

struct PackRequest {
  DType type = DType::f32;  // a packed weight type; the file's and the packed type are the same
  int64_t rows = 0, columns = 0;
  int64_t interleaved_head_rows = 0;  // > 0: rows of a head whose rotary order is put back; divides rows, even
  int64_t first_row = 0;              // of the matrix in its storage, a multiple of 32
  int64_t storage_rows = 0;           // of the whole storage
  uint64_t chunk_bytes = 0;           // room for one chunk's source
  int64_t block_rows = 0;             // of the storage, see Pages
};

// One dispatch: the file's rows source_first .. source_first + source_rows - 1 staged at binding 0 (the binding's size
// rounded up to a multiple of 4), a page of the storage at binding 1.
struct PackChunk {
  int64_t source_first = 0, source_rows = 0;
  uint64_t source_offset = 0, source_bytes = 0;  // of those rows in the matrix's bytes
  int64_t page = 0;
  Dispatch dispatch;  // operands are left empty
};

// Chunks in order. Errors: a type that is not packed, columns that are no whole blocks, a permutation that does not
// fit, a chunk size below one group (or head) of rows.
Result<std::vector<PackChunk>> pack_chunks(const PackRequest& request, const DeviceProfile& profile);

}  // namespace lorikeet
