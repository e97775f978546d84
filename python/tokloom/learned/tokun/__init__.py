"""tokun: sixteen characters, one vector. `TokunAutoencoder` needs numpy alone; what trains it needs PyTorch."""

from tokloom.learned.tokun.autoencoder import TokunAutoencoder as TokunAutoencoder
from tokloom.learned.tokun.calculator import ModelShape as ModelShape
from tokloom.learned.tokun.calculator import parameters as parameters
from tokloom.learned.tokun.saving import open_saved as open_saved
from tokloom.learned.tokun.shape import Shape as Shape
from tokloom.learned.tokun.verified import Verified as Verified
