#include "frontend/checkpoint/torch_zip_writer.h"

#include <string>
#include <unordered_set>

#include "frontend/checkpoint/torch_pickle.h"
#include "frontend/checkpoint/zip_writer.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kAlignment = 64;

Status check(const std::vector<NamedBytes>& tensors) {
  std::unordered_set<std::string_view> names;
  for (const NamedBytes& tensor : tensors) {
    if (torch_storage_class(tensor.type).empty())
      return unsupported(join("[torch] tensor ", tensor.name, " has the type ", name(tensor.type),
                              ", which torch has no storage for."));
    if (dense_bytes(tensor.type, tensor.shape) != tensor.bytes.size())
      return invalid(join("[torch] tensor ", tensor.name, " with the shape ", shape_text(tensor.shape), " of ",
                          name(tensor.type), " was given ", tensor.bytes.size(), " bytes."));
    if (!names.insert(tensor.name).second) return invalid(join("[torch] tensor ", tensor.name, " was given twice."));
  }
  return Done{};
}

// Protocol 2 of https://github.com/python/cpython/blob/main/Lib/pickletools.py
class Pickle {
 public:
  std::string of(const std::vector<NamedBytes>& tensors) {
    out_ = "\x80\x02}(";  // protocol, dict, mark
    for (size_t i = 0; i < tensors.size(); ++i) {
      text(tensors[i].name);
      tensor(tensors[i], i);
    }
    return out_ + "u.";  // items, stop
  }

 private:
  template <class T>
  void raw(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void text(std::string_view characters) {
    out_ += 'X';
    raw(uint32_t(characters.size()));
    out_ += characters;
  }
  void global(std::string_view module, std::string_view name) { out_ += join('c', module, '\n', name, '\n'); }

  void natural(uint64_t value) {
    if (value <= 0xff) {
      out_ += 'K';
      raw(uint8_t(value));
    } else if (value <= 0x7fffffff) {
      out_ += 'J';
      raw(int32_t(value));
    } else {
      out_ += "\x8a\x08";  // an integer of 8 bytes
      raw(int64_t(value));
    }
  }

  void tuple(const std::vector<uint64_t>& values) {
    out_ += '(';
    for (uint64_t value : values) natural(value);
    out_ += 't';
  }

  // _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
  void tensor(const NamedBytes& tensor, size_t number) {
    const uint64_t elements = tensor.bytes.size() / layout(tensor.type).bytes;
    global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    text("storage");
    global("torch", torch_storage_class(tensor.type));
    text(std::to_string(number));
    text("cpu");
    natural(elements);
    out_ += "tQ";  // the tuple is the storage's persistent id
    natural(0);
    tuple(tensor.shape);
    tuple(dense_strides(tensor.shape));
    out_ += '\x89';  // false
    global("collections", "OrderedDict");
    out_ += ")R";  // an empty one
    out_ += "tR";
  }

  static std::vector<uint64_t> dense_strides(const std::vector<uint64_t>& shape) {
    std::vector<uint64_t> strides(shape.size(), 1);
    for (size_t axis = shape.size(); axis-- > 1;)
      strides[axis - 1] = strides[axis] * std::max<uint64_t>(shape[axis], 1);
    return strides;
  }

  std::string out_;
};

}  // namespace

Status write_torch_zip(const std::filesystem::path& path, const std::vector<NamedBytes>& tensors) {
  LK_TRY(check(tensors));
  const std::string folder = path.stem().string() + "/";  // "adapter_model/", as torch.save names it
  const std::string pickle = Pickle().of(tensors), order = "little", version = "3\n";
  LK_ASSIGN(ZipWriter zip, ZipWriter::create(path));
  LK_TRY(zip.add(folder + "data.pkl", std::as_bytes(std::span(pickle)), kAlignment));
  LK_TRY(zip.add(folder + "byteorder", std::as_bytes(std::span(order)), kAlignment));
  for (size_t i = 0; i < tensors.size(); ++i) LK_TRY(zip.add(join(folder, "data/", i), tensors[i].bytes, kAlignment));
  LK_TRY(zip.add(folder + "version", std::as_bytes(std::span(version)), kAlignment));
  return zip.finish();
}

}  // namespace lorikeet
