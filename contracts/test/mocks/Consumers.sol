// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaConsumer} from "../../src/DodonaConsumer.sol";
import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";

/// @notice Asks and behaves as told when it is answered.
contract Consumer is DodonaConsumer {
    enum Way {
        Keep,
        Revert,
        RevertLong,
        BurnGas,
        ReturnLong,
        ReenterRetry,
        ReenterWithdraw,
        ReenterFulfil,
        AskAgain,
        NeedGas
    }

    Way public way;
    bytes32 public lastId;
    uint256 public answers;
    uint256 public gasSeen;
    int64[] private _outputs;
    bytes private _payload;
    bool public reentered;
    bytes public reentryReason;

    error Unwilling(uint256 code);

    constructor(IDodonaOracle oracle) DodonaConsumer(oracle) {}

    receive() external payable {}

    function setWay(Way way_) external {
        way = way_;
    }

    function setPayload(bytes calldata payload) external {
        _payload = payload;
    }

    function ask(IDodonaOracle.RequestParams memory params, uint256 fee) external returns (bytes32 id) {
        id = _ask(params, fee);
        lastId = id;
    }

    function askWithToken(IDodonaOracle.RequestParams memory params) external returns (bytes32 id) {
        id = _askWithToken(params);
        lastId = id;
    }

    function outputs() external view returns (int64[] memory) {
        return _outputs;
    }

    function _onAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) internal override {
        gasSeen = gasleft();
        if (way == Way.Revert) revert Unwilling(7);
        if (way == Way.RevertLong) {
            assembly {
                revert(0, 60000)
            }
        }
        if (way == Way.ReturnLong) {
            assembly {
                return(0, 60000)
            }
        }
        if (way == Way.BurnGas) {
            assembly {
                invalid()
            }
        }
        if (way == Way.NeedGas && gasleft() < 400_000) revert Unwilling(gasleft());
        if (way == Way.ReenterRetry) (reentered,) = address(dodona).call(abi.encodeCall(dodona.retryCallback, (id)));
        if (way == Way.ReenterWithdraw) {
            (reentered,) = address(dodona).call(abi.encodeCall(dodona.withdraw, (address(0), address(this))));
        }
        if (way == Way.ReenterFulfil) (reentered, reentryReason) = address(dodona).call(_payload);
        if (way == Way.AskAgain) {
            IDodonaOracle.RequestParams memory params = abi.decode(_payload, (IDodonaOracle.RequestParams));
            lastId = _ask(params, dodona.quote(params));
        }
        ++answers;
        _outputs = answer.outputs;
    }
}

/// @notice Takes no ETH.
contract Penniless {
    IDodonaOracle private immutable _oracle;

    constructor(IDodonaOracle oracle) {
        _oracle = oracle;
    }

    function withdraw() external {
        _oracle.withdraw(address(0), address(this));
    }
}

/// @notice Tries to withdraw twice.
contract GreedyPayee {
    IDodonaOracle private immutable _oracle;
    uint256 public received;

    constructor(IDodonaOracle oracle) {
        _oracle = oracle;
    }

    function withdraw() external {
        _oracle.withdraw(address(0), address(this));
    }

    receive() external payable {
        received += msg.value;
        try _oracle.withdraw(address(0), address(this)) {} catch {}
    }
}
