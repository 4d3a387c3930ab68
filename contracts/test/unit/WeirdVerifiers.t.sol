// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {Base} from "../Base.sol";

/// @notice A wrapper that answers as a wrapper should not.
contract WeirdWrapper {
    enum Way {
        True,
        False,
        Revert,
        BurnGas,
        ShortData,
        NoData,
        OtherWord
    }

    uint8 public constant mode = 0;
    uint32 public constant shape = 0;
    Way public way;

    function setWay(Way way_) external {
        way = way_;
    }

    function verify(uint256, uint256[] calldata, uint256, bytes calldata) external view returns (bool) {
        if (way == Way.True) return true;
        if (way == Way.False) return false;
        if (way == Way.Revert) revert("weird");
        if (way == Way.BurnGas) {
            assembly {
                invalid()
            }
        }
        uint256 size = way == Way.ShortData ? 1 : way == Way.NoData ? 0 : 32;
        assembly {
            mstore(0, 2)
            return(0, size)
        }
    }
}

/// @notice Nothing is delivered unless a verifier says a clean yes; whatever else it does, the request stays as it was.
contract WeirdVerifiersTest is Base {
    WeirdWrapper internal wrapper;

    function _open() internal returns (Delivery memory d) {
        wrapper = new WeirdWrapper();
        vm.prank(owner);
        router.addVersion(address(wrapper), address(wrapper).codehash, 0, DEV_SRS);
        d = _delivery(_request(_params(model, DIRECT)), model, DIRECT);
        d.proof = hex"00";
    }

    function test_trueDelivers() public {
        Delivery memory d = _open();
        _fulfil(d);
        assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Fulfilled));
    }

    function test_falseIsRefused() public {
        Delivery memory d = _open();
        wrapper.setWay(WeirdWrapper.Way.False);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function testFuzz_nothingElseDelivers(uint8 which) public {
        Delivery memory d = _open();
        wrapper.setWay(WeirdWrapper.Way(bound(which, 2, 6)));
        vm.prank(operator);
        (bool ok,) = address(oracle).call{gas: 3_000_000}(
            abi.encodeCall(oracle.fulfil, (d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof))
        );
        assertFalse(ok);
        assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Open));
        assertEq(oracle.totalCredits(address(0)), 0);
        vm.warp(START + 2 hours);
        oracle.refund(d.ids[0]);
        assertEq(oracle.creditOf(address(0), user), 0.001 ether);
    }
}
