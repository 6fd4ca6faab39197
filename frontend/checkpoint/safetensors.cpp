#include "frontend/checkpoint/safetensors.h"

#include <algorithm>
#include <fstream>

#include "frontend/checkpoint/json_text.h"
#include "frontend/checkpoint/output_file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumHeader = 100'000'000;
constexpr size_t kMaximumDimensions = 16;

struct ElementType {
  std::string_view name;
  DType type;
};
constexpr ElementType kElementTypes[] = {
    {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16},    {"F64", DType::f64},
    {"I64", DType::i64}, {"I32", DType::i32}, {"I16", DType::i16},      {"I8", DType::i8},
    {"U8", DType::u8},   {"U32", DType::u32}, {"BOOL", DType::boolean},
};

class Parser {
 public:
  Parser(Bytes bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Result<SafetensorsFile> parse() {
    Cursor cursor(bytes_);
    const auto length = cursor.read<uint64_t>();
    if (!length) return bad("the file is too short to be a safetensors file.");
    if (*length > kMaximumHeader || *length > cursor.left())
      return bad("the header should have ", *length, " bytes, the file has ", cursor.left(),
                 "; it is truncated or no safetensors file.");
    data_offset_ = 8 + *length;
    LK_ASSIGN(const Json header,
              parse_json_object(as_text(*cursor.take(*length)), "[safetensors] " + file_, DuplicateKeys::refused));
    SafetensorsFile result;
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        LK_TRY(parse_metadata(value, result));
        continue;
      }
      LK_ASSIGN(TensorInfo tensor, parse_tensor(name, value));
      result.tensors.push_back(std::move(tensor));
    }
    LK_TRY(refuse_overlaps(result.tensors));
    return result;
  }

 private:
  template <class... Parts>
  Error bad(const Parts&... parts) const {
    return corrupt(join("[safetensors] ", file_, ": ", parts...));
  }

  Status parse_metadata(const Json& value, SafetensorsFile& result) const {
    if (!value.is_object()) return bad("__metadata__ must be a JSON object.");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) return bad("__metadata__ must hold texts only, ", key, " is none.");
      result.metadata[key] = text.get<std::string>();
    }
    return Done{};
  }

  Result<TensorInfo> parse_tensor(const std::string& name, const Json& value) const {
    TensorInfo tensor;
    tensor.name = name;
    const auto type = value.is_object() ? value.find("dtype") : value.end();
    const auto shape = value.is_object() ? value.find("shape") : value.end();
    const auto offsets = value.is_object() ? value.find("data_offsets") : value.end();
    if (type == value.end() || shape == value.end() || offsets == value.end() || !type->is_string() ||
        !naturals(*shape) || !naturals(*offsets) || offsets->size() != 2 || shape->size() > kMaximumDimensions)
      return bad("tensor ", name, " must have a dtype, a shape of at most ", kMaximumDimensions,
                 " dimensions and two data_offsets.");
    LK_ASSIGN(tensor.type, element_type(name, type->get_ref<const std::string&>()));
    for (const Json& dimension : *shape) tensor.shape.push_back(dimension.get<uint64_t>());
    const uint64_t begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
    const uint64_t space = bytes_.size() - data_offset_;
    if (begin > end || end > space)
      return bad("tensor ", name, " lies at bytes ", begin, " to ", end, ", the file has ", space,
                 " bytes of tensors; it is truncated or corrupt.");
    const auto bytes = dense_bytes(tensor.type, tensor.shape);
    if (!bytes || *bytes != end - begin)
      return bad("tensor ", name, " with the shape ", shape_text(tensor.shape), " of ", lorikeet::name(tensor.type),
                 " does not fill its ", end - begin, " bytes.");
    tensor.bytes = *bytes;
    tensor.offset = data_offset_ + begin;
    return tensor;
  }

  static bool naturals(const Json& list) {
    return list.is_array() &&
           std::all_of(list.begin(), list.end(), [](const Json& n) { return n.is_number_unsigned(); });
  }

  Result<DType> element_type(const std::string& tensor, std::string_view text) const {
    for (const ElementType& entry : kElementTypes)
      if (entry.name == text) return entry.type;
    return unsupported(join("[safetensors] ", file_, ": tensor ", tensor, " has the dtype ", text,
                            ", which is not supported; F32, F16, BF16, F64, I64, I32, I16, I8, U8, U32 and BOOL are."));
  }

  Status refuse_overlaps(std::vector<TensorInfo>& tensors) const {
    std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
    });
    for (size_t i = 1; i < tensors.size(); ++i)
      if (tensors[i - 1].offset + tensors[i - 1].bytes > tensors[i].offset)
        return bad("tensors ", tensors[i - 1].name, " and ", tensors[i].name, " overlap.");
    return Done{};
  }

  Bytes bytes_;
  const std::string& file_;
  uint64_t data_offset_ = 0;
};

Result<std::string> header_of(const std::vector<NamedBytes>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const NamedBytes& tensor : tensors) {
    const auto* entry = std::find_if(std::begin(kElementTypes), std::end(kElementTypes),
                                     [&](const ElementType& known) { return known.type == tensor.type; });
    if (entry == std::end(kElementTypes))
      return unsupported(
          join("[safetensors] tensor ", tensor.name, " has the type ", name(tensor.type), ", which the format lacks."));
    if (dense_bytes(tensor.type, tensor.shape) != tensor.bytes.size())
      return invalid(join("[safetensors] tensor ", tensor.name, " with the shape ", shape_text(tensor.shape), " of ",
                          name(tensor.type), " was given ", tensor.bytes.size(), " bytes."));
    if (header.contains(tensor.name)) return invalid(join("[safetensors] tensor ", tensor.name, " was given twice."));
    header[tensor.name] = {
        {"dtype", entry->name}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const std::exception& failure) {
    return Error{ErrorCode::invalid_argument, "[safetensors] a tensor's name or a metadata text is not UTF-8.",
                 failure.what()};
  }
}

}  // namespace

Result<SafetensorsFile> parse_safetensors(Bytes bytes, const std::string& file) { return Parser(bytes, file).parse(); }

Status write_safetensors(const std::filesystem::path& path, const std::vector<NamedBytes>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  LK_ASSIGN(const std::string header, header_of(tensors, metadata));
  LK_ASSIGN(OutputFile file, OutputFile::create(path));
  const uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const NamedBytes& tensor : tensors) file.write(tensor.bytes);
  return file.finish();
}

}  // namespace lorikeet
