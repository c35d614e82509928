// The signal operators that published TFLite Micro models use, from samples to the features that a
// keyword spotter takes: SignalFramer, SignalDelay, SignalStacker, SignalOverlapAdd, SignalWindow,
// SignalFftAutoScale, SignalRfft, SignalIrfft, SignalEnergy, SignalFilterBank,
// SignalFilterBankSquareRoot, SignalFilterBankSpectralSubtraction, SignalFilterBankLog, SignalPCAN.
//
// A library of its own on the interface of custom operators: link edgeml::audio_frontend. Integer
// results equal those of TFLite Micro in every bit.
#ifndef EDGEML_AUDIO_FRONTEND_H_
#define EDGEML_AUDIO_FRONTEND_H_

#include "edgeml/custom_op.h"
#include "edgeml/export.h"

namespace edgeml {

// kInvalidArgument when one of them is registered already; none is added then.
EDGEML_API Status AddAudioFrontendOps(CustomOpRegistry& registry);

}  // namespace edgeml

#endif  // EDGEML_AUDIO_FRONTEND_H_
