#include "frontend/checkpoint/gguf_writer.h"

#include <algorithm>

#include "frontend/checkpoint/gguf.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void append_text(std::string& out, std::string_view text) {
  append(out, uint64_t(text.size()));
  out += text;
}

std::string array_head(GgufType element, uint64_t count) {
  std::string payload;
  append(payload, uint32_t(element));
  append(payload, count);
  return payload;
}

template <class T>
std::string payload_of(T value) {
  std::string payload;
  append(payload, value);
  return payload;
}

uint64_t padding(uint64_t size, uint64_t alignment) { return (alignment - size % alignment) % alignment; }

}  // namespace

void GgufHeader::put(std::string_view key, GgufType type, std::string payload) {
  for (Entry& entry : entries_) {
    if (entry.key != key) continue;
    entry.type = type;
    entry.payload = std::move(payload);
    return;
  }
  entries_.push_back({std::string(key), type, std::move(payload)});
}

void GgufHeader::set_natural(std::string_view key, uint32_t value) { put(key, GgufType::u32, payload_of(value)); }
void GgufHeader::set_number(std::string_view key, float value) { put(key, GgufType::f32, payload_of(value)); }
void GgufHeader::set_double(std::string_view key, double value) { put(key, GgufType::f64, payload_of(value)); }
void GgufHeader::set_flag(std::string_view key, bool value) { put(key, GgufType::boolean, payload_of(uint8_t(value))); }

void GgufHeader::set_text(std::string_view key, std::string_view value) {
  std::string payload;
  append_text(payload, value);
  put(key, GgufType::text, std::move(payload));
}

void GgufHeader::set_integers(std::string_view key, const std::vector<int32_t>& values) {
  std::string payload = array_head(GgufType::i32, values.size());
  for (int32_t value : values) append(payload, value);
  put(key, GgufType::array, std::move(payload));
}

void GgufHeader::set_numbers(std::string_view key, const std::vector<float>& values) {
  std::string payload = array_head(GgufType::f32, values.size());
  for (float value : values) append(payload, value);
  put(key, GgufType::array, std::move(payload));
}

void GgufHeader::set_flags(std::string_view key, const std::vector<bool>& values) {
  std::string payload = array_head(GgufType::boolean, values.size());
  for (bool value : values) append(payload, uint8_t(value));
  put(key, GgufType::array, std::move(payload));
}

void GgufHeader::set_texts(std::string_view key, const std::vector<std::string>& values) {
  std::string payload = array_head(GgufType::text, values.size());
  for (const std::string& value : values) append_text(payload, value);
  put(key, GgufType::array, std::move(payload));
}

void GgufHeader::copy(std::string_view key, const GgufValue& value) {
  std::string payload;
  if (value.type == GgufType::text) append(payload, uint64_t(value.bytes.size()));
  if (value.type == GgufType::array) payload = array_head(value.element, value.count);
  payload += as_text(value.bytes);
  put(key, value.type, std::move(payload));
}

void GgufHeader::remove(std::string_view key) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
}

void GgufHeader::set_alignment(uint32_t alignment) {
  alignment_ = alignment;
  set_natural("general.alignment", alignment);
}

Status GgufHeader::add_tensor(std::string_view name, DType type, const std::vector<uint64_t>& shape) {
  const auto bytes = dense_bytes(type, shape);
  if (!gguf_tensor_type(type))
    return invalid(join("[gguf] tensor ", name, " has the type ", lorikeet::name(type), ", which the format lacks."));
  if (!bytes || shape.empty() || shape.size() > 4 || *bytes == 0 || name.empty())
    return invalid(join("[gguf] tensor ", name, " of type ", lorikeet::name(type), " cannot have the shape ",
                        shape_text(shape), "."));
  for (const TensorInfo& tensor : tensors_)
    if (tensor.name == name) return invalid(join("[gguf] tensor ", name, " was added twice."));
  TensorInfo tensor;
  tensor.name = name;
  tensor.type = type;
  tensor.shape = shape;
  tensor.offset = data_bytes_;
  tensor.bytes = *bytes;
  data_bytes_ += *bytes + padding(*bytes, alignment_);
  tensors_.push_back(std::move(tensor));
  return Done{};
}

std::string GgufHeader::bytes() const {
  std::string out = "GGUF";
  append(out, uint32_t(3));
  append(out, uint64_t(tensors_.size()));
  append(out, uint64_t(entries_.size()));
  for (const Entry& entry : entries_) {
    append_text(out, entry.key);
    append(out, uint32_t(entry.type));
    out += entry.payload;
  }
  for (const TensorInfo& tensor : tensors_) {
    append_text(out, tensor.name);
    append(out, uint32_t(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i-- > 0;) append(out, tensor.shape[i]);
    append(out, *gguf_tensor_type(tensor.type));
    append(out, tensor.offset);
  }
  out.append(size_t(padding(out.size(), alignment_)), '\0');
  return out;
}

uint64_t GgufHeader::file_bytes() const { return bytes().size() + data_bytes_; }

GgufWriter::GgufWriter(OutputFile file, std::vector<uint64_t> sizes, uint64_t alignment)
    : file_(std::move(file)), sizes_(std::move(sizes)), alignment_(alignment) {}

Result<GgufWriter> GgufWriter::create(const std::filesystem::path& path, const GgufHeader& header) {
  LK_ASSIGN(OutputFile file, OutputFile::create(path));
  const std::string bytes = header.bytes();
  file.write(std::as_bytes(std::span(bytes)));
  LK_TRY(file.check());
  std::vector<uint64_t> sizes;
  for (const TensorInfo& tensor : header.tensors()) sizes.push_back(tensor.bytes);
  return GgufWriter(std::move(file), std::move(sizes), header.alignment());
}

void GgufWriter::close_tensors() {
  while (tensor_ < sizes_.size() && written_ == sizes_[tensor_]) {
    file_.pad(padding(written_, alignment_));
    ++tensor_;
    written_ = 0;
  }
}

Status GgufWriter::write(Bytes bytes) {
  if (tensor_ >= sizes_.size() || bytes.size() > sizes_[tensor_] - written_)
    return invalid(join("[gguf] ", bytes.size(), " bytes were given for tensor ", tensor_,
                        ", which is already complete to ", written_, " bytes."));
  file_.write(bytes);
  written_ += bytes.size();
  close_tensors();
  return file_.check();
}

Status GgufWriter::finish() {
  if (tensor_ < sizes_.size())
    return invalid(join("[gguf] tensor ", tensor_, " of ", sizes_.size(), " was given ", written_, " of ",
                        sizes_[tensor_], " bytes."));
  return file_.finish();
}

}  // namespace lorikeet
