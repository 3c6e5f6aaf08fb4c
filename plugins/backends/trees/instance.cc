#include "plugins/backends/trees/instance_internal.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/checked.h"
#include "base/text.h"
#include "contracts/backend/run_on.h"

namespace slipway::trees {
namespace {

using forest::Forest;
using forest::Precision;
using forest::Task;

class Memory final : public infer::OutputMemory {
 public:
  ByteView keep(Buffer buffer) { return buffers_.emplace_back(std::move(buffer)).bytes(); }

 private:
  std::vector<Buffer> buffers_;
};

Error bad_input(const std::string& what) { return invalid_argument("backend.input", what); }

class TreesInstance final : public backend::Instance {
 public:
  TreesInstance(const Forest& forest, std::unique_ptr<forest::Evaluator> evaluator,
                const backend::LoadOptions& options)
      : evaluator_(std::move(evaluator)),
        scores_(forest.outputs),
        task_(forest.task),
        labels_(forest.classes),
        executor_(options.executor),
        max_output_bytes_(options.max_output_bytes) {
    const DType given = forest.precision == Precision::kFloat ? DType::kFp32 : DType::kFp64;
    rated_ = forest.sums == Precision::kFloat ? DType::kFp32 : DType::kFp64;
    signature_.inputs.push_back({"features", given, {-1, static_cast<std::int64_t>(forest.features)}});
    if (task_ == Task::kNumbers) {
      Shape shape{-1};
      if (scores_ > 1) shape.push_back(static_cast<std::int64_t>(scores_));
      signature_.outputs.push_back({"prediction", rated_, shape});
      return;
    }
    for (const std::string& label : labels_) {
      std::int64_t number = 0;
      std::from_chars(label.data(), label.data() + label.size(), number);
      numbers_.push_back(number);
    }
    signature_.outputs.push_back(
        {"label", forest.classes_are_integers ? DType::kInt64 : DType::kBytes, {-1}});
    signature_.outputs.push_back({"probabilities", rated_, {-1, static_cast<std::int64_t>(labels_.size())}});
  }

  const Signature& signature() const override { return signature_; }
  std::span<const std::string> labels() const override { return labels_; }

  void submit(std::span<const TensorView> inputs, std::span<const std::size_t> outputs,
              backend::Completion done) override {
    backend::run_on(
        executor_, [this, inputs, outputs] { return run(inputs, outputs); }, std::move(done));
  }

 private:
  Status check_input(const TensorView& view) const;
  Result<std::size_t> answer_bytes(std::size_t rows) const;
  Result<infer::Response> run(std::span<const TensorView> inputs, std::span<const std::size_t> wanted) const;
  Buffer probabilities(const Buffer& answers, std::size_t rows) const;
  Result<Buffer> label_column(std::span<const std::uint32_t> classes) const;

  std::unique_ptr<forest::Evaluator> evaluator_;
  Signature signature_;
  std::size_t scores_;
  Task task_;
  DType rated_ = DType::kFp32;
  std::vector<std::string> labels_;
  std::vector<std::int64_t> numbers_;  ///< the labels that are integers
  backend::Executor* executor_;
  std::size_t max_output_bytes_;
};

Status TreesInstance::check_input(const TensorView& view) const {
  const TensorSpec& spec = signature_.inputs[0];
  if (view.dtype != spec.dtype) {
    return bad_input("the input 'features' has the datatype " + std::string(dtype_name(view.dtype)) +
                     "; the model wants " + std::string(dtype_name(spec.dtype)));
  }
  if (!spec.shape.accepts(view.shape)) {
    return bad_input("the input 'features' has the shape " + view.shape.to_string() + "; the model wants " +
                     spec.shape.to_string());
  }
  const Status sound = view.validate();
  return sound.ok() ? sound : bad_input("the input 'features': " + sound.error().message());
}

/// The bytes of all answers of fixed size. Errors: backend.output_size.
Result<std::size_t> TreesInstance::answer_bytes(std::size_t rows) const {
  std::size_t total = 0;
  for (const TensorSpec& output : signature_.outputs) {
    const std::size_t width = output.shape.rank() == 2 ? static_cast<std::size_t>(output.shape[1]) : 1;
    const auto size = checked_mul(rows, width * std::max<std::size_t>(dtype_size(output.dtype), 1));
    const auto sum = size ? checked_add(total, *size) : std::nullopt;
    if (!sum || *sum > max_output_bytes_) {
      return resource_exhausted(
          "backend.output_size",
          "the answer is larger than the " + std::to_string(max_output_bytes_) + " bytes allowed");
    }
    total = *sum;
  }
  return total;
}

Result<Buffer> TreesInstance::label_column(std::span<const std::uint32_t> classes) const {
  const bool text = signature_.outputs[0].dtype == DType::kBytes;
  Buffer column(text ? 0 : classes.size() * sizeof(std::int64_t));
  std::string words;
  for (std::size_t row = 0; row < classes.size(); ++row) {
    if (!text) {
      std::memcpy(column.bytes().data() + row * sizeof(std::int64_t), &numbers_[classes[row]],
                  sizeof(std::int64_t));
      continue;
    }
    append_bytes_element(words, labels_[classes[row]]);
    if (words.size() > max_output_bytes_) {
      return resource_exhausted(
          "backend.output_size",
          "the answer is larger than the " + std::to_string(max_output_bytes_) + " bytes allowed");
    }
  }
  if (text) return Buffer::copy_of(as_bytes(words));
  return column;
}

/// Of two classes: what is left to 1, and the answer.
template <typename S>
void spread(const Buffer& answers, std::size_t rows, Buffer& both) {
  const auto* from = reinterpret_cast<const S*>(answers.bytes().data());
  auto* to = reinterpret_cast<S*>(both.bytes().data());
  for (std::size_t row = 0; row < rows; ++row) {
    to[2 * row] = S(1) - from[row];
    to[2 * row + 1] = from[row];
  }
}

Buffer TreesInstance::probabilities(const Buffer& answers, std::size_t rows) const {
  Buffer both(2 * answers.size());
  if (rated_ == DType::kFp32) {
    spread<float>(answers, rows, both);
  } else {
    spread<double>(answers, rows, both);
  }
  return both;
}

Result<infer::Response> TreesInstance::run(std::span<const TensorView> inputs,
                                           std::span<const std::size_t> wanted) const {
  if (inputs.size() != 1) {
    return bad_input("the model takes one input, but " + std::to_string(inputs.size()) + " are given");
  }
  SLIPWAY_TRY(check_input(inputs[0]));
  const auto rows = static_cast<std::size_t>(inputs[0].shape[0]);
  SLIPWAY_TRY(answer_bytes(rows).status());
  SLIPWAY_ASSIGN_OR_RETURN(Buffer answers, Buffer::allocate(rows * scores_ * dtype_size(rated_)));
  std::vector<std::uint32_t> classes(task_ == Task::kNumbers ? 0 : rows);
  evaluator_->run(inputs[0].data.data(), rows, answers.bytes().data(),
                  classes.empty() ? nullptr : classes.data());

  auto memory = std::make_unique<Memory>();
  std::vector<ByteView> data;
  if (task_ == Task::kNumbers) {
    data.push_back(memory->keep(std::move(answers)));
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(Buffer labels, label_column(classes));
    data.push_back(memory->keep(std::move(labels)));
    data.push_back(memory->keep(task_ == Task::kBinary ? probabilities(answers, rows) : std::move(answers)));
  }
  infer::Response response;
  const std::size_t count = wanted.empty() ? data.size() : wanted.size();
  for (std::size_t slot = 0; slot < count; ++slot) {
    const std::size_t position = wanted.empty() ? slot : wanted[slot];
    if (position >= data.size()) return bad_input("there is no output number " + std::to_string(position));
    const TensorSpec& spec = signature_.outputs[position];
    TensorView view{spec.dtype, spec.shape, data[position]};
    view.shape.set(0, static_cast<std::int64_t>(rows));
    response.outputs.push_back({spec.name, view});
  }
  response.memory = std::move(memory);
  return response;
}

}  // namespace

Result<std::unique_ptr<backend::Instance>> make_instance(const Forest& forest,
                                                         const backend::LoadOptions& options) {
  if (options.threads < 0) return invalid_argument("backend.load", "threads must be 0 or more");
  auto evaluator = forest::make_evaluator(forest);
  if (!evaluator.ok()) return unimplemented("backend.unsupported", evaluator.error().message());
  std::unique_ptr<backend::Instance> made =
      std::make_unique<TreesInstance>(forest, std::move(*evaluator), options);
  return made;
}

}  // namespace slipway::trees
