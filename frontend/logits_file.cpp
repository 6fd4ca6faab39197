#include "frontend/logits_file.h"

#include "frontend/checkpoint/output_file.h"
#include "runtime/base/text.h"

namespace lorikeet {

Status write_logits(Model& model, Session& session, uint32_t slot, std::span<const int32_t> tokens,
                    const std::filesystem::path& path) {
  const uint64_t columns = model.config().vocabulary;
  LK_ASSIGN(const int64_t positions, session.positions(slot, tokens));
  std::string header = join("{\"logits\":{\"dtype\":\"F32\",\"shape\":[", positions, ",", columns,
                            "],\"data_offsets\":[0,", uint64_t(positions) * columns * 4, "]}}");
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t length = header.size();  // little-endian, as all machines that run this
  LK_ASSIGN(OutputFile file, OutputFile::create(path));
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  LK_TRY(session.logits(slot, tokens, [&](int64_t, std::span<const float> values) {
    file.write(std::as_bytes(values));
    return file.check();
  }));
  return file.finish();
}

}  // namespace lorikeet
