// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Behaves as a generated verifier: takes raw calldata and reverts unless exactly these bytes were "proved".
contract RawVerifier {
    mapping(bytes32 => bool) public proved;

    function prove(bytes calldata data) external {
        proved[keccak256(data)] = true;
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        require(proved[keccak256(data)], "not proved");
        return "";
    }
}

/// @notice Answers in ways that a generated verifier should not.
contract WeirdVerifier {
    enum Way {
        ReturnTrue,
        ReturnFalse,
        ReturnLong,
        ReturnShort,
        ReturnFalseLong,
        Stop,
        WantGas,
        Revert,
        RevertLong,
        RevertTrue,
        BurnGas,
        BurnMemory,
        Write
    }

    Way public way;
    uint256 public written;
    uint256 private _wanted;

    constructor(Way way_) {
        way = way_;
    }

    function want(uint256 gas_) external {
        _wanted = gas_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        if (way == Way.WantGas) {
            require(gasleft() >= _wanted, "too little gas");
            return "";
        }
        if (way == Way.Stop) {
            assembly {
                stop()
            }
        }
        if (way == Way.Write) written = 1;
        if (way == Way.ReturnFalseLong) return abi.encode(false, new bytes(1_000));
        if (way == Way.RevertTrue) {
            assembly {
                mstore(0, 1)
                revert(0, 32)
            }
        }
        if (way == Way.BurnMemory) {
            assembly {
                return(0, 100000000)
            }
        }
        if (way == Way.ReturnTrue) return abi.encode(true);
        if (way == Way.ReturnFalse) return abi.encode(false);
        if (way == Way.ReturnLong) return new bytes(50_000);
        if (way == Way.ReturnShort) return hex"01";
        if (way == Way.Revert) revert();
        if (way == Way.RevertLong) {
            assembly {
                revert(0, 50000)
            }
        }
        assembly {
            invalid()
        }
    }
}

/// @notice A wrapper whose mode and shape are in storage, so that they change while its code hash does not.
contract SelfDescribed {
    uint8 public mode;
    uint32 public shape;
    address public immutable implementation;

    constructor(uint8 mode_, uint32 shape_, address implementation_) {
        (mode, shape, implementation) = (mode_, shape_, implementation_);
    }

    function become(uint8 mode_, uint32 shape_) external {
        (mode, shape) = (mode_, shape_);
    }
}
