#include "frontend/checkpoint/torch_zip_writer.h"

#include <functional>
#include <numeric>
#include <string>
#include <unordered_set>

#include "frontend/checkpoint/torch_pickle.h"
#include "frontend/checkpoint/zip_writer.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kAlignment = 64;

uint64_t elements_of(const std::vector<uint64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), uint64_t(1), std::multiplies<>());
}

Status check(const std::vector<TorchTensor>& tensors, const std::vector<TorchView>& views) {
  std::unordered_set<std::string_view> names;
  const auto add = [&](const std::string& name) {
    return names.insert(name).second ? Status(Done{}) : invalid(join("[torch] tensor ", name, " was given twice."));
  };
  for (const TorchTensor& tensor : tensors) {
    if (torch_storage_class(tensor.type).empty())
      return unsupported(join("[torch] tensor ", tensor.name, " has the type ", name(tensor.type),
                              ", which torch has no storage for."));
    LK_TRY(add(tensor.name));
  }
  for (const TorchView& view : views) {
    uint64_t last = view.first;
    for (size_t axis = 0; axis < view.shape.size(); ++axis) last += (view.shape[axis] - 1) * view.strides[axis];
    if (view.of >= tensors.size() || last >= elements_of(tensors[view.of].shape))
      return invalid(join("[torch] the view ", view.name, " goes beyond its tensor."));
    LK_TRY(add(view.name));
  }
  return Done{};
}

// Protocol 2 of https://github.com/python/cpython/blob/main/Lib/pickletools.py
class Pickle {
 public:
  std::string of(const std::vector<TorchTensor>& tensors, const std::vector<TorchView>& views) {
    out_ = "\x80\x02}(";  // protocol, dict, mark
    for (size_t i = 0; i < tensors.size(); ++i) {
      const TorchTensor& own = tensors[i];
      tensor(own, {own.name, i, 0, own.shape, dense_strides(own.shape)});
    }
    for (const TorchView& view : views) tensor(tensors[view.of], view);
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
  void tensor(const TorchTensor& storage, const TorchView& view) {
    text(view.name);
    global("torch._utils", "_rebuild_tensor_v2");
    out_ += "((";
    text("storage");
    global("torch", torch_storage_class(storage.type));
    text(std::to_string(view.of));
    text("cpu");
    natural(elements_of(storage.shape));
    out_ += "tQ";  // the tuple is the storage's persistent id
    natural(view.first);
    tuple(view.shape);
    tuple(view.strides);
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

Status write_torch_zip(const std::filesystem::path& path, const std::vector<TorchTensor>& tensors,
                       const std::vector<TorchView>& views, const TorchBytes& bytes) {
  LK_TRY(check(tensors, views));
  const std::string folder = path.stem().string() + "/";  // "adapter_model/", as torch.save names it
  const std::string pickle = Pickle().of(tensors, views), order = "little", version = "3\n";
  LK_ASSIGN(ZipWriter zip, ZipWriter::create(path));
  LK_TRY(zip.add(folder + "data.pkl", std::as_bytes(std::span(pickle)), kAlignment));
  LK_TRY(zip.add(folder + "byteorder", std::as_bytes(std::span(order)), kAlignment));
  for (size_t i = 0; i < tensors.size(); ++i) {
    LK_ASSIGN(const std::vector<std::byte> own, bytes(i));
    if (dense_bytes(tensors[i].type, tensors[i].shape) != own.size())
      return invalid(join("[torch] tensor ", tensors[i].name, " with the shape ", shape_text(tensors[i].shape), " of ",
                          name(tensors[i].type), " was given ", own.size(), " bytes."));
    LK_TRY(zip.add(join(folder, "data/", i), own, kAlignment));
  }
  LK_TRY(zip.add(folder + "version", std::as_bytes(std::span(version)), kAlignment));
  return zip.finish();
}

Status write_torch_zip(const std::filesystem::path& path, const std::vector<NamedBytes>& tensors) {
  std::vector<TorchTensor> shapes;
  for (const NamedBytes& tensor : tensors) shapes.push_back({tensor.name, tensor.type, tensor.shape});
  return write_torch_zip(path, shapes, {}, [&](size_t tensor) -> Result<std::vector<std::byte>> {
    return std::vector<std::byte>(tensors[tensor].bytes.begin(), tensors[tensor].bytes.end());
  });
}

}  // namespace lorikeet
