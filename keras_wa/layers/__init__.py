"""Backend-neutral Keras layers: wavelets, attention and enhancement."""

from keras_wa.layers.attention_pool import AttentionPool2D
from keras_wa.layers.clahe import CLAHE
from keras_wa.layers.dwt import DWT2D
from keras_wa.layers.idwt import IDWT2D
from keras_wa.layers.resize import Resize2D
from keras_wa.layers.squeeze_excite import SqueezeExcite
from keras_wa.layers.subband_norm import SubbandNormalization
from keras_wa.layers.temperature_scaling import TemperatureScaling
from keras_wa.layers.tokens import Tokens
from keras_wa.layers.wavelet_attention import WaveletAttention

__all__ = [
    "CLAHE",
    "DWT2D",
    "IDWT2D",
    "AttentionPool2D",
    "Resize2D",
    "SqueezeExcite",
    "SubbandNormalization",
    "TemperatureScaling",
    "Tokens",
    "WaveletAttention",
]
