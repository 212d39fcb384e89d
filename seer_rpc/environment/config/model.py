"""Models as they are written in a config."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, replace

from seer_rpc.errors import ConfigError
from seer_rpc.fields import check_types, knows_its_fields, show_fields

_LOADED = "how a model is loaded is decided for you; a ModelConfig has its five fields alone"


@knows_its_fields(
    {
        "revision": 'write name="org/model@revision"',
        "model_name": 'write name="org/model"',
        **dict.fromkeys(
            (
                "dtype",
                "torch_dtype",
                "device_map",
                "load_kwargs",
                "quantization",
                "quantization_config",
            ),
            _LOADED,
        ),
    }
)
@dataclass
class ModelConfig:
    """A model to have in the sandbox.

    Raises:
        ConfigError: the fields do not fit together.
    """

    name: str
    """A Hugging Face id, `org/model` or `org/model@revision`; a directory; or a GGUF file."""

    var_name: str = "model"
    """The variable that holds it in notebook kernels."""

    hidden: bool = False
    """Whether agents are kept from knowing which model it is, and which base it has."""

    is_peft: bool = False
    """Whether it is an adapter, to be loaded on `base_model`."""

    base_model: str | None = None

    @property
    def shown(self) -> str:
        """What it may be called."""
        return "hidden" if self.hidden else self.name

    @property
    def without_names(self) -> ModelConfig:
        """It, as it may be written down."""
        if not self.hidden:
            return self
        return replace(self, name=self.shown, base_model=self.base_model and self.shown)

    def __repr__(self) -> str:
        """Show it without what is hidden."""
        hidden = {"name": repr(self.shown), "base_model": repr(self.base_model and self.shown)}
        return show_fields(self, **(hidden if self.hidden else {}))

    def __post_init__(self) -> None:
        """Check."""
        check_types(self)
        if not self.name.strip():
            raise ConfigError("a model needs a name", hint='ModelConfig(name="org/model")')
        if not self.var_name.isidentifier() or keyword.iskeyword(self.var_name):
            raise ConfigError(
                f"var_name={self.var_name!r} cannot be the name of a variable",
                hint='write var_name="model_a": letters, digits and "_"',
            )
        if self.is_peft and not self.base_model:
            raise ConfigError(
                f"{self.shown!r} is an adapter: it needs the model that it adapts",
                hint='give base_model="org/model", or leave is_peft out',
            )
        if self.base_model and not self.is_peft:
            raise ConfigError(
                f"{self.shown!r} has a base_model and is no adapter",
                hint="give is_peft=True, or leave base_model out",
            )
