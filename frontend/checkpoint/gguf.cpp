#include "frontend/checkpoint/gguf.h"

#include <bit>
#include <iterator>
#include <unordered_set>

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kMaximumKeyLength = 65535;
constexpr uint32_t kMaximumDimensions = 4;
constexpr int kMaximumNesting = 4;
constexpr uint64_t kMaximumAlignment = uint64_t(1) << 24;

struct TensorType {
  uint32_t number;
  DType type;
};
constexpr TensorType kTensorTypes[] = {
    {0, DType::f32},    {1, DType::f16},   {2, DType::q4_0},    {3, DType::q4_1},    {6, DType::q5_0},
    {7, DType::q5_1},   {8, DType::q8_0},  {10, DType::q2_k},   {11, DType::q3_k},   {12, DType::q4_k},
    {13, DType::q5_k},  {14, DType::q6_k}, {20, DType::iq4_nl}, {23, DType::iq4_xs}, {24, DType::i8},
    {25, DType::i16},   {26, DType::i32},  {27, DType::i64},    {28, DType::f64},    {30, DType::bf16},
    {39, DType::mxfp4},
};

// Types that exist but that Lorikeet does not read, for the message.
struct ForeignType {
  uint32_t number;
  std::string_view name;
};
constexpr ForeignType kForeignTypes[] = {
    {9, "q8_1"},   {15, "q8_k"},  {16, "iq2_xxs"}, {17, "iq2_xs"}, {18, "iq3_xxs"}, {19, "iq1_s"},
    {21, "iq3_s"}, {22, "iq2_s"}, {29, "iq1_m"},   {34, "tq1_0"},  {35, "tq2_0"},   {40, "nvfp4"},
};

class Parser {
 public:
  Parser(Bytes bytes, const std::string& file) : bytes_(bytes), cursor_(bytes), file_(file) {}

  Result<GgufFile> parse() {
    GgufFile result;
    result.metadata = GgufMetadata(file_);
    LK_TRY(parse_header(result));
    for (uint64_t i = 0; i < values_; ++i) LK_TRY(parse_entry(result.metadata));
    LK_TRY(parse_alignment(result));
    result.tensors.reserve(size_t(tensors_));
    std::unordered_set<std::string> names;
    for (uint64_t i = 0; i < tensors_; ++i) {
      LK_ASSIGN(TensorInfo tensor, parse_tensor());
      if (!names.insert(tensor.name).second) return bad("tensor ", tensor.name, " occurs twice.");
      result.tensors.push_back(std::move(tensor));
    }
    result.data_offset = (cursor_.position() + result.alignment - 1) / result.alignment * result.alignment;
    for (TensorInfo& tensor : result.tensors) LK_TRY(place(tensor, result));
    return result;
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return corrupt(join("[gguf] ", file_, ": ", parts...));
  }
  Error short_of(std::string_view what) const {
    return bad("the file ends inside ", what, " at byte ", cursor_.position(), "; it is truncated or corrupt.");
  }

  Status parse_header(GgufFile& result) {
    const auto magic = cursor_.read<uint32_t>();
    if (!magic || *magic != kMagic)
      return bad("the file does not begin with the letters GGUF, so it is not a GGUF file.");
    const auto version = cursor_.read<uint32_t>();
    if (!version) return short_of("its header");
    if ((*version & 0xffff) == 0 && *version != 0)
      return unsupported(
          join("[gguf] ", file_, ": the file is big-endian; only little-endian GGUF files can be read."));
    if (*version != 2 && *version != 3)
      return unsupported(join("[gguf] ", file_, ": the version is ", *version, "; versions 2 and 3 can be read."));
    result.version = *version;
    const auto tensors = cursor_.read<uint64_t>();
    const auto values = cursor_.read<uint64_t>();
    if (!tensors || !values) return short_of("its header");
    // A tensor takes at least 33 bytes and a key 14, so that these counts bound what is allocated.
    if (*tensors > cursor_.left() / 33 || *values > cursor_.left() / 14)
      return bad("the header promises ", *tensors, " tensors and ", *values, " keys, more than fit in ", bytes_.size(),
                 " bytes.");
    tensors_ = *tensors;
    values_ = *values;
    return Done{};
  }

  Result<std::string_view> parse_name(std::string_view what) {
    const auto length = cursor_.read<uint64_t>();
    if (!length) return short_of(what);
    if (*length == 0 || *length > kMaximumKeyLength)
      return bad(what, " has a length of ", *length, "; 1 to ", kMaximumKeyLength, " was expected.");
    const auto characters = cursor_.take(*length);
    if (!characters) return short_of(what);
    return as_text(*characters);
  }

  Status parse_entry(GgufMetadata& metadata) {
    LK_ASSIGN(const std::string_view key, parse_name("the name of a key"));
    const auto type = cursor_.read<uint32_t>();
    if (!type) return short_of(key);
    if (*type >= kGgufTypes) return bad("key ", key, " has the unknown type ", *type, ".");
    GgufValue value;
    value.type = GgufType(*type);
    LK_TRY(parse_value(key, value));
    return metadata.add(key, value);
  }

  Status parse_value(std::string_view key, GgufValue& value) {
    if (value.type == GgufType::array) return parse_array(key, value);
    std::optional<uint64_t> size = scalar_bytes(value.type);
    if (value.type == GgufType::text) size = cursor_.read<uint64_t>();
    const auto taken = size ? cursor_.take(*size) : std::nullopt;
    if (!taken) return short_of(join("key ", key));
    value.bytes = *taken;
    return Done{};
  }

  Status parse_array(std::string_view key, GgufValue& value) {
    const auto element = cursor_.read<uint32_t>();
    const auto count = cursor_.read<uint64_t>();
    if (!element || !count) return short_of(join("key ", key));
    if (*element >= kGgufTypes) return bad("key ", key, " is an array of the unknown type ", *element, ".");
    value.element = GgufType(*element);
    value.count = *count;
    const uint64_t begin = cursor_.position();
    LK_TRY(skip_elements(key, value.element, *count, 1));
    value.bytes = bytes_.subspan(size_t(begin), size_t(cursor_.position() - begin));
    return Done{};
  }

  Status skip_elements(std::string_view key, GgufType element, uint64_t count, int depth) {
    if (depth > kMaximumNesting) return bad("key ", key, " nests arrays more than ", kMaximumNesting, " deep.");
    if (const uint32_t size = scalar_bytes(element)) {
      const auto bytes = checked_product(count, size);
      if (!bytes || !cursor_.take(*bytes)) return short_of(join("key ", key, ", an array of ", count, " elements,"));
      return Done{};
    }
    for (uint64_t i = 0; i < count; ++i) {
      if (element == GgufType::text) {
        const auto length = cursor_.read<uint64_t>();
        if (!length || !cursor_.take(*length)) return short_of(join("key ", key, ", an array of ", count, " texts,"));
        continue;
      }
      const auto inner = cursor_.read<uint32_t>();
      const auto inner_count = cursor_.read<uint64_t>();
      if (!inner || !inner_count) return short_of(join("key ", key));
      if (*inner >= kGgufTypes) return bad("key ", key, " is an array of the unknown type ", *inner, ".");
      LK_TRY(skip_elements(key, GgufType(*inner), *inner_count, depth + 1));
    }
    return Done{};
  }

  Status parse_alignment(GgufFile& result) {
    LK_ASSIGN(result.alignment, result.metadata.natural_or("general.alignment", 32));
    if (!std::has_single_bit(result.alignment) || result.alignment > kMaximumAlignment)
      return bad("general.alignment is ", result.alignment, "; a power of two up to ", kMaximumAlignment,
                 " was expected.");
    return Done{};
  }

  Result<TensorInfo> parse_tensor() {
    TensorInfo tensor;
    LK_ASSIGN(tensor.name, parse_name("the name of a tensor"));
    const auto dimensions = cursor_.read<uint32_t>();
    if (!dimensions) return short_of(join("the description of tensor ", tensor.name));
    if (*dimensions == 0 || *dimensions > kMaximumDimensions)
      return bad("tensor ", tensor.name, " has ", *dimensions, " dimensions; 1 to ", kMaximumDimensions,
                 " were expected.");
    tensor.shape.resize(*dimensions);
    for (size_t i = tensor.shape.size(); i-- > 0;) {  // the file names the columns first
      const auto dimension = cursor_.read<uint64_t>();
      if (!dimension) return short_of(join("the description of tensor ", tensor.name));
      if (*dimension == 0) return bad("tensor ", tensor.name, " has a dimension of 0.");
      tensor.shape[i] = *dimension;
    }
    const auto type = cursor_.read<uint32_t>();
    const auto offset = cursor_.read<uint64_t>();
    if (!type || !offset) return short_of(join("the description of tensor ", tensor.name));
    LK_ASSIGN(tensor.type, tensor_type(tensor.name, *type));
    tensor.offset = *offset;
    const auto bytes = dense_bytes(tensor.type, tensor.shape);
    if (!bytes)
      return bad("tensor ", tensor.name, " of type ", name(tensor.type), " has the shape ", shape_text(tensor.shape),
                 ", which is too large or does not divide into blocks of ", layout(tensor.type).block, " columns.");
    tensor.bytes = *bytes;
    return tensor;
  }

  Result<DType> tensor_type(std::string_view tensor, uint32_t number) const {
    for (const TensorType& entry : kTensorTypes)
      if (entry.number == number) return entry.type;
    for (const ForeignType& entry : kForeignTypes)
      if (entry.number == number)
        return unsupported(join("[gguf] ", file_, ": tensor ", tensor, " has the type ", entry.name,
                                ", which is not supported; f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q2_k to q6_k, "
                                "iq4_nl, iq4_xs and mxfp4 are."));
    return bad("tensor ", tensor, " has the unknown type ", number, ".");
  }

  // Turns the offset within the data section into one within the file, and checks both ends.
  Status place(TensorInfo& tensor, const GgufFile& file) const {
    if (tensor.offset % file.alignment != 0)
      return bad("tensor ", tensor.name, " begins at offset ", tensor.offset,
                 ", which is no multiple of the alignment ", file.alignment, ".");
    const uint64_t space = file.data_offset < bytes_.size() ? bytes_.size() - file.data_offset : 0;
    if (tensor.bytes > space || tensor.offset > space - tensor.bytes)
      return bad("tensor ", tensor.name, " needs ", tensor.bytes, " bytes at offset ", tensor.offset, ", the file has ",
                 space, " bytes of tensors; it is truncated or corrupt.");
    tensor.offset += file.data_offset;
    return Done{};
  }

  Bytes bytes_;
  Cursor cursor_;
  const std::string& file_;
  uint64_t tensors_ = 0, values_ = 0;
};

}  // namespace

bool is_gguf(Bytes bytes) { return bytes.size() >= 4 && load<uint32_t>(bytes.data()) == kMagic; }

Result<GgufFile> parse_gguf(Bytes bytes, const std::string& file) { return Parser(bytes, file).parse(); }

std::optional<uint32_t> gguf_tensor_type(DType type) {
  for (const TensorType& entry : kTensorTypes)
    if (entry.type == type) return entry.number;
  return std::nullopt;
}

}  // namespace lorikeet
