#include "frontend/dataset/token_files.h"

#include <algorithm>
#include <limits>

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kPackedMagic = "LITPKDS";
constexpr uint64_t kPackedVersion = 1;
// The types that have a number in packed token files, 1 and up; token ids are whole numbers.
constexpr DType kPackedTypes[] = {DType::u8, DType::i8, DType::i16, DType::i32, DType::i64};
constexpr uint8_t kPackedU16 = 8;

bool is_packed(Bytes file) { return as_text(file).starts_with(kPackedMagic); }
bool is_zip(Bytes file) { return as_text(file).starts_with("PK\x03\x04"); }
// A length of eight bytes, then JSON.
bool is_safetensors(Bytes file) { return file.size() > 9 && as_text(file)[8] == '{' && as_text(file)[0] != '{'; }

template <class T>
std::vector<int64_t> widened(Bytes bytes) {
  std::vector<int64_t> ids(bytes.size() / sizeof(T));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int64_t(load<T>(bytes.data() + i * sizeof(T)));
  return ids;
}

// What no id can be stays no id, so that the vocabulary's check finds it.
void add_stream(std::vector<ExampleRecord>& records, std::span<const int64_t> ids, const std::string& where,
                int64_t length) {
  for (size_t first = 0; first < ids.size(); first += size_t(length)) {
    ExampleRecord record{.kind = RecordKind::ids, .where = join(where, " token ", first)};
    for (const int64_t id : ids.subspan(first, std::min(size_t(length), ids.size() - first)))
      record.ids.push_back(int32_t(std::clamp<int64_t>(id, -1, std::numeric_limits<int32_t>::max())));
    records.push_back(std::move(record));
  }
}

Result<std::vector<int64_t>> packed_ids(Bytes file, const std::string& name) {
  Cursor cursor(file, kPackedMagic.size());
  const auto version = cursor.read<uint64_t>();
  const auto type = cursor.read<uint8_t>();
  const auto count = cursor.read<uint64_t>();
  if (!version || !type || !count) return corrupt(join("[dataset] ", name, ": the file ends within its header."));
  if (*version != kPackedVersion)
    return unsupported(join("[dataset] ", name, ": packed tokens of version ", *version, "; version ", kPackedVersion,
                            " was expected."));
  uint64_t width = 0;
  if (*type == kPackedU16) width = 2;
  else if (*type >= 1 && *type <= std::size(kPackedTypes)) width = layout(kPackedTypes[*type - 1]).bytes;
  else
    return unsupported(join("[dataset] ", name, ": packed tokens of type ", int(*type),
                            "; whole numbers, types 1 to 5 or 8, were expected."));
  if (*count > cursor.left() / width)
    return corrupt(
        join("[dataset] ", name, ": the header promises ", *count, " tokens, there are ", cursor.left() / width, "."));
  const Bytes bytes = *cursor.take(*count * width);
  if (*type == kPackedU16) return widened<uint16_t>(bytes);
  switch (kPackedTypes[*type - 1]) {
    case DType::u8:
      return widened<uint8_t>(bytes);
    case DType::i8:
      return widened<int8_t>(bytes);
    case DType::i16:
      return widened<int16_t>(bytes);
    case DType::i32:
      return widened<int32_t>(bytes);
    default:
      return widened<int64_t>(bytes);
  }
}

Result<std::vector<ExampleRecord>> tensor_records(const std::filesystem::path& file, int64_t length) {
  LK_ASSIGN(const TensorFiles files, open_tensors(file));
  const auto is_whole = [](const TensorInfo& info) {
    return info.type == DType::i64 || info.type == DType::i32 || info.type == DType::i16 || info.type == DType::u8;
  };
  const auto& tensors = files.tensors();
  const auto found = std::find_if(tensors.begin(), tensors.end(), is_whole);
  if (found == tensors.end() || std::count_if(tensors.begin(), tensors.end(), is_whole) > 1)
    return corrupt(join("[dataset] ", file.string(), ": one tensor of token ids (sequences, tokens) was expected, ",
                        found == tensors.end() ? "none" : "several", " are there."));
  if (found->shape.empty() || found->shape.size() > 2 || found->columns() == 0)
    return corrupt(join("[dataset] ", file.string(), ": token ids (sequences, tokens) were expected, given the shape ",
                        shape_text(found->shape), "."));
  LK_ASSIGN(const auto bytes, files.data(*found));
  const std::vector<int64_t> ids = found->type == DType::i64   ? widened<int64_t>(bytes)
                                   : found->type == DType::i32 ? widened<int32_t>(bytes)
                                   : found->type == DType::i16 ? widened<int16_t>(bytes)
                                                               : widened<uint8_t>(bytes);
  std::vector<ExampleRecord> records;
  const size_t columns = size_t(found->columns());
  for (size_t row = 0; row * columns < ids.size(); ++row) {
    std::span<const int64_t> sequence = std::span(ids).subspan(row * columns, columns);
    while (!sequence.empty() && sequence.back() == 0) sequence = sequence.first(sequence.size() - 1);
    add_stream(records, sequence, join(file.string(), " sequence ", row + 1), length);
  }
  return records;
}

}  // namespace

bool holds_tokens(Bytes file) { return is_packed(file) || is_zip(file) || is_safetensors(file); }

Result<std::vector<ExampleRecord>> token_records(const std::filesystem::path& file, Bytes bytes, int64_t length) {
  if (!is_packed(bytes)) return tensor_records(file, length);
  LK_ASSIGN(const std::vector<int64_t> ids, packed_ids(bytes, file.string()));
  std::vector<ExampleRecord> records;
  add_stream(records, ids, file.string(), length);
  return records;
}

Result<std::vector<ExampleRecord>> text_records(std::string_view text, const std::string& file,
                                                const Tokenizer& tokenizer, int64_t length) {
  LK_ASSIGN(const std::vector<int32_t> ids, tokenizer.encode(text, {.parse_special = false}));
  std::vector<ExampleRecord> records;
  add_stream(records, std::vector<int64_t>(ids.begin(), ids.end()), file, length);
  return records;
}

}  // namespace lorikeet
