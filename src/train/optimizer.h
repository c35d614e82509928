// Steps of gradient descent on one array of parameters.
#ifndef EDGEML_TRAIN_OPTIMIZER_H_
#define EDGEML_TRAIN_OPTIMIZER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace edgeml::train {

// p -= rate * g; with momentum (Polyak, 1964): v = momentum * v + g, p -= rate * v; Nesterov's form
// (Sutskever et al., 2013): p -= rate * (g + momentum * v).
class Sgd {
 public:
  explicit Sgd(size_t parameters, float momentum = 0.0f, bool nesterov = false)
      : momentum_(momentum), nesterov_(nesterov), velocity_(momentum != 0 ? parameters : 0) {}
  // REQUIRES: both spans have `parameters` elements.
  void Step(float learning_rate, std::span<const float> gradient, std::span<float> parameters);

 private:
  float momentum_;
  bool nesterov_;
  std::vector<float> velocity_;
};

// Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015; algorithm 1.
class Adam {
 public:
  struct Options {
    float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
  };
  explicit Adam(size_t parameters) : Adam(parameters, Options()) {}
  Adam(size_t parameters, const Options& options)
      : options_(options), mean_(parameters), square_(parameters) {}
  // REQUIRES: both spans have `parameters` elements.
  void Step(float learning_rate, std::span<const float> gradient, std::span<float> parameters);

 private:
  Options options_;
  double left1_ = 1, left2_ = 1;  // beta^t
  std::vector<float> mean_, square_;
};

}  // namespace edgeml::train

#endif  // EDGEML_TRAIN_OPTIMIZER_H_
